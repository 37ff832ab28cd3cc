"""New points of a space, numbered: the same seed gives the same point ``i``, however many are asked for and when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from hpsearch.dimensions import Continuous, Discrete
from hpsearch.permutation import Permutation
from hpsearch.seeds import generator

if TYPE_CHECKING:
    import numpy as np

    from hpsearch.space import SearchSpace

Point = dict[str, Any]

# Draws that may in a row be points already taken before a free one is looked for by other means.
_MAX_REPEATS = 200
# Searches whose points are kept between two calls.
_KEPT = 8


class Draws(ABC):
    """Points of which none comes twice, each as likely as the space has it."""

    #: How many there are; None when that is not known, or there is no end of them.
    total: int | None = None
    #: Whether they may be at an end at any time.
    is_open = False

    @abstractmethod
    def point(self, index: int) -> Point | None:
        """Point ``index``, counted from 0; None when there are not so many."""

    @abstractmethod
    def count(self, wanted: int) -> int:
        """How many of the first ``wanted`` points there are."""

    def round_robin(self, index: int) -> Point:
        """Point ``index`` of the points in their order, over and over."""
        present = self.count(index + 1)
        point = self.point(index % present)
        assert point is not None
        return point


class Permuted(Draws):
    """Points of a space that holds so many, all of them equally likely: a permutation of its grid."""

    def __init__(self, space: SearchSpace, size: int, seed: int) -> None:
        self._space = space
        self._order = Permutation(size, str(seed))
        self.total = size

    def point(self, index: int) -> Point | None:
        return self._space.point(self._order[index]) if index < self._order.size else None

    def count(self, wanted: int) -> int:
        return min(wanted, self._order.size)


class Independent(Draws):
    """Points with a value that is drawn from so many that it does not come twice: each is of a stream of its own."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed

    def point(self, index: int) -> Point | None:
        return self._space.sample(generator(self._seed, index))

    def count(self, wanted: int) -> int:
        return wanted


class Redrawn(Draws):
    """Points of any other space: each is of its own stream, too, but drawn again while it equals an earlier one.

    Point ``i`` therefore needs those before it. They are kept, so that only the new ones cost anything.
    """

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self.total = space.size
        self.is_open = self.total is None
        self._space = space
        self._seed = seed
        self._points: list[Point] = []
        self._taken: set[str] = set()
        self._is_used_up = False
        self._lock = Lock()

    def point(self, index: int) -> Point | None:
        return dict(self._points[index]) if self.count(index + 1) > index else None

    def count(self, wanted: int) -> int:
        with self._lock:
            while len(self._points) < wanted and not self._is_used_up:
                self._draw_next()
            return min(wanted, len(self._points))

    def _draw_next(self) -> None:
        point = self._fresh(generator(self._seed, len(self._points)))
        if point is None:
            self._is_used_up = True
            return
        self._points.append(point)
        self._taken.add(self._space.key(point) or "")

    def _fresh(self, rng: np.random.Generator) -> Point | None:
        for _ in range(_MAX_REPEATS):
            point = self._space.sample(rng)
            if self._space.key(point) not in self._taken:
                return point
        return self._space.free_point(rng, self._taken)


def draws(space: SearchSpace, seed: int) -> Draws:
    """The points of ``space`` in the order of ``seed``, found in the cheapest way that it allows."""
    if any(isinstance(each, Continuous) and each.is_dense for each in space.dimensions.values()):
        return Independent(space, seed)
    size = space.size
    if size is not None and all(_is_even(each) for each in space.dimensions.values()):
        return Permuted(space, size, seed)
    return _kept(space, seed)


def _is_even(dimension: object) -> bool:
    """Whether all levels are equally likely."""
    levels = getattr(dimension, "levels", None)
    return isinstance(dimension, Discrete) or (levels is not None and len(levels) == 1)


@lru_cache(maxsize=_KEPT)
def _kept(space: SearchSpace, seed: int) -> Redrawn:
    """The points of equal spaces (see ``SearchSpace.__eq__``) are drawn once."""
    return Redrawn(space, seed)
