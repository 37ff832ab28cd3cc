"""Random search: independent draws that never repeat a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.seeds import generator
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hpsearch.history import History
    from hpsearch.space import SearchSpace
    from polyaxon_schemas.hptuning import HpTuning

# Draws that may in a row be points already taken before the search looks for a free one by other means.
_MAX_REPEATS = 200


class RandomSearch(SearchAlgorithm):
    """``n_experiments`` points, fewer when the space holds fewer.

    Point ``i`` is drawn from a stream of its own, made from the seed and ``i``; earlier points matter only in
    that it is drawn again while it equals one of them.
    """

    def __init__(self, space: SearchSpace, n_experiments: int, seed: int) -> None:
        size = space.size
        self._space = space
        self._seed = seed
        self._planned = n_experiments if size is None else min(n_experiments, size)
        self._indexes: dict[str, int] = {}  # of the points drawn so far, in order
        self._exhausted = False  # no further point could be found

    @property
    def planned(self) -> int:
        return self._planned

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self._planned, limit + 1)
        if missing:
            self._draw_until(missing[-1])
        there = [index for index in missing if index < len(self._indexes)]
        points = tuple(Suggestion(index, self._point(index)) for index in there[:limit])
        return Decision(points, len(there) <= limit, f"random search of at most {self._planned} points")

    def _draw_until(self, index: int) -> None:
        while len(self._indexes) <= index and not self._exhausted:
            point = self._draw(len(self._indexes))
            if point is None:
                self._exhausted = True
            else:
                self._indexes[self._key(point)] = len(self._indexes)

    def _point(self, index: int) -> dict[str, Any]:
        point = self._draw(index)
        assert point is not None
        return point

    def _draw(self, index: int) -> dict[str, Any] | None:
        """Point ``index``; None when there is none that differs from all before it."""
        rng = generator(self._seed, index)
        for _ in range(_MAX_REPEATS):
            point = self._space.sample(rng)
            if self._indexes.get(self._key(point), index) >= index:
                return point
        return self._space.free_point(rng, {key for key, place in self._indexes.items() if place < index})

    def _key(self, point: Mapping[str, Any]) -> str:
        return self._space.key(point) or ""


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> RandomSearch:
    """The algorithm of a section."""
    assert tuning.random_search is not None
    return RandomSearch(space, tuning.random_search.n_experiments, seed)
