"""Random search: independent draws that never repeat a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.draws import draws
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from hpsearch.history import History
    from hpsearch.space import SearchSpace
    from polyaxon_schemas.hptuning import HpTuning


class RandomSearch(SearchAlgorithm):
    """``n_experiments`` points, fewer when the space holds fewer; suggestion ``i`` is draw ``i``."""

    def __init__(self, space: SearchSpace, n_experiments: int, seed: int) -> None:
        self._draws = draws(space, seed)
        self._wanted = n_experiments if self._draws.total is None else min(n_experiments, self._draws.total)

    @property
    def planned(self) -> int | None:
        return None if self._draws.is_open else self._wanted

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self._wanted, limit + 1)
        found = [(index, self._draws.point(index)) for index in missing]
        points = [Suggestion(index, point) for index, point in found if point is not None]
        reason = f"random search of at most {self._wanted} points"
        return Decision(tuple(points[:limit]), len(points) <= limit, reason)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> RandomSearch:
    """The algorithm of a section."""
    assert tuning.random_search is not None
    return RandomSearch(space, tuning.random_search.n_experiments, seed)
