"""Random search: independent draws that never repeat a point."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.seeds import generator
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

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

    @property
    def planned(self) -> int:
        return self._planned

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        known = {trial.index: trial.params for trial in history.all() if trial.index is not None}
        fresh = self._points(known)
        points = tuple(islice(fresh, limit))
        return Decision(points, next(fresh, None) is None, f"random search of at most {self._planned} points")

    def _points(self, known: Mapping[int, Mapping[str, Any]]) -> Iterator[Suggestion]:
        """The points that are not known, in order."""
        if all(index in known for index in range(self._planned)):
            return
        taken: set[str] = set()
        for index in range(self._planned):
            given = self._space.key(known[index]) if index in known else None
            if given is None:
                point = self._draw(generator(self._seed, index), taken)
                if point is None:
                    return
                given = self._space.key(point)
                if index not in known:
                    yield Suggestion(index, point)
            taken.add(given or "")

    def _draw(self, rng: np.random.Generator, taken: set[str]) -> dict[str, Any] | None:
        for _ in range(_MAX_REPEATS):
            point = self._space.sample(rng)
            if self._space.key(point) not in taken:
                return point
        return self._space.free_point(rng, taken)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> RandomSearch:
    """The algorithm of a section."""
    assert tuning.random_search is not None
    return RandomSearch(space, tuning.random_search.n_experiments, seed)
