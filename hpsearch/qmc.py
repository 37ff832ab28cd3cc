"""Quasi-random search."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.dimensions import Continuous
from hpsearch.encoding import Encoding
from hpsearch.quasi import QuasiRandom
from hpsearch.seeds import generator
from hpsearch.trial import Decision, Suggestion

if TYPE_CHECKING:
    from hpsearch.history import History
    from hpsearch.space import SearchSpace
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.search import Qmc

_SEARCHES = 16
# Positions of the sequence that may in a row repeat earlier points before a free one is looked for by other means.
_MAX_REPEATS = 1000


class QmcSearch(SearchAlgorithm):
    """``n_experiments`` points that fill the space more evenly than random ones, fewer when it holds fewer.

    Point ``i`` depends on the settings, the seed and ``i`` alone. In a space that has a continuous parameter it is
    position ``i`` of the sequence; in others positions that repeat a point are passed over.
    """

    def __init__(self, space: SearchSpace, settings: Qmc, seed: int) -> None:
        size = space.size
        self._planned = settings.n_experiments if size is None else min(settings.n_experiments, size)
        self._title = f"{settings.sequence} sequence of at most {self._planned} points"
        self._points = _points(space, seed, settings.sequence, settings.scramble)

    @property
    def planned(self) -> int:
        return self._planned

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self._planned, limit + 1)
        made: list[Suggestion] = []
        for index in missing[:limit]:
            point = self._points.point(index)
            if point is None:
                return Decision(tuple(made), True, f"{self._title}; the space seems to hold no more")
            made.append(Suggestion(index, point))
        return Decision(tuple(made), len(missing) <= limit, self._title)


class _Distinct:
    """The points of a sequence without repetitions, worked out as far as they were asked for."""

    def __init__(self, space: SearchSpace, quasi: QuasiRandom, seed: int) -> None:
        self._space = space
        self._quasi = quasi
        self._seed = seed
        self._points: list[dict[str, Any]] = []
        self._taken: set[str] = set()
        self._position = 0
        self._lock = Lock()

    def point(self, index: int) -> dict[str, Any] | None:
        """Point ``index`` of those that differ; None when there seem to be no more."""
        with self._lock:
            while len(self._points) <= index:
                point = self._next()
                if point is None:
                    return None
                self._points.append(point)
                self._taken.add(self._space.key(point) or "")
        return dict(self._points[index])

    def _next(self) -> dict[str, Any] | None:
        for _ in range(_MAX_REPEATS):
            point = self._quasi.point(self._position)
            self._position += 1
            if self._space.key(point) not in self._taken:
                return point
        return self._space.free_point(generator(self._seed, len(self._points)), self._taken)


@lru_cache(maxsize=_SEARCHES)
def _points(space: SearchSpace, seed: int, sequence: str, scramble: bool) -> QuasiRandom | _Distinct:
    """The points of equal spaces (see ``SearchSpace.__eq__``) are worked out once."""
    quasi = QuasiRandom(Encoding(space), seed, sequence, scramble=scramble)
    dense = any(isinstance(each, Continuous) and each.is_dense for each in space.dimensions.values())
    return quasi if dense else _Distinct(space, quasi, seed)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> QmcSearch:
    """The algorithm of a section."""
    assert tuning.qmc is not None
    return QmcSearch(space, tuning.qmc, seed)
