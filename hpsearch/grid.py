"""Grid search: every point, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.errors import EmptySpace
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from hpsearch.history import History
    from hpsearch.space import SearchSpace
    from polyaxon_schemas.hptuning import HpTuning


class GridSearch(SearchAlgorithm):
    """The points of a finite space, the last parameter varying fastest; at most ``n_experiments``."""

    def __init__(self, space: SearchSpace, n_experiments: int | None = None) -> None:
        size = space.size
        if size is None:
            raise EmptySpace("a grid search needs a finite list of values for every parameter")
        self._space = space
        self._planned = size if n_experiments is None else min(size, n_experiments)

    @property
    def planned(self) -> int:
        return self._planned

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self._planned, limit + 1)
        points = tuple(Suggestion(index, self._space.point(index)) for index in missing[:limit])
        return Decision(points, len(missing) <= limit, f"grid search of {self._planned} points")


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> GridSearch:  # noqa: ARG001 - a grid needs no seed
    """The algorithm of a section."""
    return GridSearch(space, tuning.grid_search.n_experiments if tuning.grid_search else None)
