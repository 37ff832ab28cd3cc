"""Grid search: every point, in order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.errors import EmptySpace
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.space import SearchSpace
    from hpsearch.trial import Trial


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

    def suggest(self, trials: Sequence[Trial], *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        taken = {trial.index for trial in trials}
        missing = (index for index in range(self._planned) if index not in taken)
        points = tuple(Suggestion(index, self._space.point(index)) for index in islice(missing, limit))
        return Decision(points, next(missing, None) is None, f"grid search of {self._planned} points")
