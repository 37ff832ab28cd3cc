"""Points of a search space as numbers, for algorithms that model them.

A point has one *code* per parameter: the rank of a level, or for a continuous parameter the share of its law below the
value, from 0 to 1. So a loguniform parameter is even in its logarithm and a normal one in its quantiles.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.dimensions import Continuous, Dimension, Weighted, identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hpsearch.space import SearchSpace

    Floats = NDArray[np.float64]

# More values than this are a numeric progression, whose levels are worked out one by one.
_LISTED = 1000


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number; booleans are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Axis(ABC):
    """One parameter. ``count`` is how many levels it has, None when it is continuous."""

    count: int | None
    is_ordered = True

    @abstractmethod
    def code(self, value: Any) -> float | None:
        """The code of a value; None when the parameter cannot take it."""

    @abstractmethod
    def value(self, code: float) -> Any:
        """The parameter's value nearest to a code."""

    @abstractmethod
    def at(self, share: float) -> float:
        """The code at ``share`` of the parameter's distribution, 0 <= share <= 1."""

    @property
    def is_constant(self) -> bool:
        return self.count == 1


class _Levels(Axis):
    """Levels by rank: numbers in ascending order, anything else in the order given."""

    count: int

    def __init__(self, levels: Sequence[Any], shares: Sequence[float] | None = None) -> None:
        self._levels = levels
        self.count = len(levels)
        self._ends = list(accumulate(shares)) if shares else None

    def value(self, code: float) -> Any:
        return self._levels[self._rank(code)]

    def at(self, share: float) -> float:
        if self._ends is not None:
            return self._rank(bisect_right(self._ends, share))
        return self._rank(math.floor(share * self.count))

    def _rank(self, code: float) -> int:
        return max(0, min(self.count - 1, round(code)))


class Category(_Levels):
    """Values without an order."""

    is_ordered = False

    def __init__(self, levels: Sequence[Any], shares: Sequence[float] | None = None) -> None:
        super().__init__(levels, shares)
        self._ranks = {identity(level): rank for rank, level in enumerate(levels)}

    def code(self, value: Any) -> float | None:
        return self._ranks.get(identity(value))


class Ordered(_Levels):
    """Numbers by rank. A number between two levels, which a person tried, has a code between theirs."""

    def code(self, value: Any) -> float | None:
        if not is_number(value) or not self._levels[0] <= value <= self._levels[self.count - 1]:
            return None
        rank = bisect_left(self._levels, value)
        if self._levels[rank] == value:
            return self._same(rank, value)
        below, above = self._levels[rank - 1], self._levels[rank]
        return float(rank - 1 + (value / 2 - below / 2) / (above / 2 - below / 2))

    def _same(self, rank: int, value: Any) -> int:
        """The rank of the very value, since 1 and 1.0 may both be levels."""
        for later in range(rank, self.count):
            if self._levels[later] != value:
                break
            if identity(self._levels[later]) == identity(value):
                return later
        return rank


class Interval(Axis):
    """A continuous parameter, or one of multiples that are not as likely as one another."""

    def __init__(self, dimension: Continuous) -> None:
        self._dimension = dimension
        self.count = None

    def code(self, value: Any) -> float | None:
        if not is_number(value) or not self._dimension.holds(value):
            return None
        return self._dimension.share(value)

    def value(self, code: float) -> Any:
        return self._dimension.quantile(min(1.0, max(0.0, code)))

    def at(self, share: float) -> float:
        return share


class _Backwards(Sequence[Any]):
    def __init__(self, levels: Sequence[Any]) -> None:
        self._levels = levels

    def __len__(self) -> int:
        return len(self._levels)

    def __getitem__(self, index: Any) -> Any:
        return self._levels[len(self._levels) - 1 - index]


def axis(dimension: Dimension) -> Axis:
    """The codes of a dimension."""
    levels = dimension.levels
    if levels is None or (isinstance(dimension, Continuous) and not dimension.is_even and len(levels) > 1):
        assert isinstance(dimension, Continuous)
        return Interval(dimension)
    shares = dimension.shares if isinstance(dimension, Weighted) else None
    if len(levels) > _LISTED and shares is None and is_number(levels[0]) and not isinstance(levels, list):
        return Ordered(levels if levels[0] < levels[1] else _Backwards(levels))
    if not all(is_number(level) for level in levels):
        return Category(levels, shares)
    order = sorted(range(len(levels)), key=lambda rank: levels[rank])
    return Ordered([levels[rank] for rank in order], [shares[rank] for rank in order] if shares else None)


class Encoding:
    """The codes of the points of a space, parameters in the order they were declared."""

    def __init__(self, space: SearchSpace) -> None:
        self.axes = {name: axis(dimension) for name, dimension in space.dimensions.items()}
        self._list = list(self.axes.values())

    def __len__(self) -> int:
        return len(self._list)

    def codes(self, params: Mapping[str, Any]) -> tuple[float, ...] | None:
        """The codes of a point; None when a parameter is missing or has a value that it cannot take."""
        found = [each.code(params[name]) if name in params else None for name, each in self.axes.items()]
        return None if None in found else tuple(code for code in found if code is not None)

    def point(self, codes: Iterable[float]) -> dict[str, Any]:
        """The point of the space nearest to some codes."""
        return {name: each.value(float(code)) for (name, each), code in zip(self.axes.items(), codes, strict=True)}

    def at(self, shares: Iterable[float]) -> tuple[float, ...]:
        """The codes at a place of the unit cube, one coordinate per parameter."""
        return tuple(each.at(float(share)) for each, share in zip(self._list, shares, strict=True))

    def features(self, codes: Floats) -> Floats:
        """Codes (points by parameters) as features: a column from 0 to 1 each, one per level of a category.

        Parameters with one single value have no column.
        """
        columns = [self._columns(each, codes[:, place]) for place, each in enumerate(self._list)]
        return np.hstack([np.empty((len(codes), 0)), *columns])

    @staticmethod
    def _columns(each: Axis, codes: Floats) -> Floats:
        if each.is_constant:
            return np.empty((len(codes), 0))
        if each.count is None:
            return codes[:, None]
        if each.is_ordered:
            return codes[:, None] / (each.count - 1)
        return np.asarray(codes[:, None] == np.arange(each.count), dtype=np.float64)
