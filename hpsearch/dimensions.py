"""One parameter of a search space: the values it can take, or how they are drawn."""

from __future__ import annotations

import json
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.laws import NormalLaw, UniformLaw, between, exponential
from polyaxon_schemas import matrix

if TYPE_CHECKING:
    import numpy as np

    from hpsearch.laws import Law

Levels = Sequence[Any]

_SIGNIFICANT_DIGITS = 12
_ROUNDING = 1e-9
_MANY_STEPS = 10**sys.float_info.dig
_LARGEST_STEPS = 2.0**53


class Dimension(ABC):
    """``levels`` are the distinct values in order, or None when there is no end of them."""

    levels: Levels | None = None

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Any:
        """One value, of a plain JSON type."""


class Discrete(Dimension):
    """Each of the levels is as likely as any other."""

    def __init__(self, levels: Levels) -> None:
        self.levels: Levels = levels

    def sample(self, rng: np.random.Generator) -> Any:
        return self.levels[int(rng.integers(len(self.levels)))]


class Weighted(Dimension):
    """Levels with a probability each."""

    def __init__(self, pairs: Sequence[tuple[Any, float]]) -> None:
        shares = _merged_shares(pairs)
        self.levels: Levels = [value for value, _ in shares]
        self._shares = [share for _, share in shares]

    @property
    def shares(self) -> Sequence[float]:
        """The probability of each level."""
        return self._shares

    def sample(self, rng: np.random.Generator) -> Any:
        left = rng.random()
        for value, share in zip(self.levels, self._shares, strict=True):
            left -= share
            if left < 0:
                return value
        return self.levels[-1]


def _merged_shares(pairs: Sequence[tuple[Any, float]]) -> list[tuple[Any, float]]:
    """Equal values added up, impossible ones left out; probability that is missing goes to the last value."""
    missing = max(0.0, 1.0 - sum(share for _, share in pairs))
    full = [*pairs[:-1], (pairs[-1][0], pairs[-1][1] + (missing if missing > _ROUNDING else 0.0))]
    shares: dict[str, tuple[Any, float]] = {}
    for value, share in full:
        known = shares.get(identity(value), (value, 0.0))
        shares[identity(value)] = (known[0], known[1] + share)
    return [pair for pair in shares.values() if pair[1] > 0]


class Continuous(Dimension):
    """Values that follow a law; ``q`` rounds them down to its multiples."""

    def __init__(self, law: Law, q: float | None = None) -> None:
        self._law = law
        self._q = q
        self.bounds = law.bounds  # the upper one is never drawn
        self.levels = _levels_between(law.bounds, q) if law.bounds else None

    @property
    def is_even(self) -> bool:
        """Whether its levels, if it has any, are as likely as one another, but for those at the ends."""
        return isinstance(self._law, UniformLaw) and not self._law.log

    def sample(self, rng: np.random.Generator) -> Any:
        return self._value(self._law.draw(rng))

    def holds(self, value: float) -> bool:
        """Whether a value lies within the bounds."""
        low, high = self._law.bounds or (-math.inf, math.inf)
        return low - (self.q or 0) < value <= high or value == low

    def quantile(self, share: float) -> Any:
        """The value at ``share`` of the law, 0 <= share <= 1."""
        value = self._value(self._law.quantile(share))
        if self.levels is None:
            return value
        # The upper bound itself is never drawn, and rounding must not lead beyond either end.
        return max(self.levels[0], min(self.levels[len(self.levels) - 1], value))

    def share(self, value: float) -> float:
        """The inverse of `quantile`; for a multiple of ``q`` the middle of what is rounded to it."""
        if self._q is None:
            return self._law.share(value)
        return (self._law.share(value) + self._law.share(value + self._q)) / 2

    def _value(self, number: float) -> Any:
        value = _held(number)
        return value if self._q is None else quantised(value, self._q)

    @property
    def q(self) -> float | None:
        """What values are multiples of."""
        return self._q

    @property
    def is_dense(self) -> bool:
        """Whether there are so many values that a search does not draw one twice."""
        return self._q is None and self.levels is None and self._law.is_dense


def quantised(value: float, q: float) -> int | float:
    """The multiple of ``q`` at or below ``value``; an int when ``q`` is one."""
    steps = value / q
    # So far out that floats are further apart than q is wide, every float is a multiple.
    return _multiple(math.floor(steps), q) if abs(steps) < _LARGEST_STEPS else value


def _held(value: float) -> float:
    """The value, or the largest float of its sign when it is infinite."""
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def _multiple(count: int, q: float) -> int | float:
    if isinstance(q, int) or abs(count) >= _MANY_STEPS:
        return count * q
    # The noise of one product is in the last digits only. A coarser rounding would make one value of many multiples.
    return float(f"{count * q:.{sys.float_info.dig}g}")


def _levels_between(bounds: tuple[float, float], q: float | None) -> Levels | None:
    low, high = bounds
    if q is None:
        return [low] if low == high else None
    if max(abs(low), abs(high)) / q >= _LARGEST_STEPS:
        return None
    first = math.floor(low / q)
    # The upper bound itself is never drawn.
    last = max(first, math.ceil(high / q) - 1)
    return _Computed(last - first + 1, lambda index: _multiple(first + index, q))


def tidy(value: float) -> float:
    """A float without the noise of its last digits: 0.1 + 0.2 gives 0.3."""
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


class _Computed(Sequence[Any]):
    """Levels that are worked out when asked for, so that a range of a billion takes no memory."""

    def __init__(self, count: int, level: Callable[[int], Any]) -> None:
        self._count = count
        self._level = level

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._level(index)


def identity(value: Any) -> str:
    """A text that two values share only when they are the same value of the same type."""
    return json.dumps(value, sort_keys=True)


def _values(option: matrix.Values) -> Dimension:
    distinct: dict[str, Any] = {}
    for item in option.items:
        distinct.setdefault(identity(item), item)
    return Discrete(list(distinct.values()))


def _range(option: matrix.Range) -> Dimension:
    start, stop, step = option.start, option.stop, option.step
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return Discrete(range(start, stop, step))
    count = max(1, math.ceil((stop - start) / step - _ROUNDING))
    return Discrete(_Computed(count, lambda index: tidy(start + index * step)))


def _fraction(option: matrix.LinSpace, index: int) -> float:
    return index / (option.num - 1) if option.num > 1 else 0.0


def _linear(option: matrix.LinSpace, index: int) -> float:
    """Point ``index`` of the way from start to stop, both of them exact."""
    if index and index == option.num - 1:
        return float(option.stop)
    return tidy(between(option.start, option.stop, _fraction(option, index)))


def _linspace(option: matrix.LinSpace) -> Dimension:
    return Discrete(_Computed(int(option.num), lambda index: _linear(option, index)))


def _logspace(option: matrix.LogSpace) -> Dimension:
    base = float(option.base)
    return Discrete(_Computed(int(option.num), lambda index: tidy(base ** _linear(option, index))))


def _geomspace(option: matrix.GeomSpace) -> Dimension:
    sign = math.copysign(1.0, option.start)
    first, last = math.log(abs(option.start)), math.log(abs(option.stop))

    def level(index: int) -> float:
        return sign * tidy(exponential(first + _fraction(option, index) * (last - first)))

    return Discrete(_Computed(int(option.num), level))


def _uniform(option: matrix.Uniform | matrix.QUniform, *, log: bool = False) -> Dimension:
    low, high = sorted((float(option.low), float(option.high)))
    return Continuous(UniformLaw(low, high, log), getattr(option, "q", None))


def _normal(option: matrix.Normal | matrix.QNormal, *, log: bool = False) -> Dimension:
    return Continuous(NormalLaw(float(option.loc), float(option.scale), log), getattr(option, "q", None))


_BUILDERS: dict[type[matrix.Option], Callable[[Any], Dimension]] = {
    matrix.Values: _values,
    matrix.PValues: lambda option: Weighted(option.pairs),
    matrix.Range: _range,
    matrix.LinSpace: _linspace,
    matrix.LogSpace: _logspace,
    matrix.GeomSpace: _geomspace,
    matrix.Uniform: _uniform,
    matrix.QUniform: _uniform,
    matrix.LogUniform: lambda option: _uniform(option, log=True),
    matrix.QLogUniform: lambda option: _uniform(option, log=True),
    matrix.Normal: _normal,
    matrix.QNormal: _normal,
    matrix.LogNormal: lambda option: _normal(option, log=True),
    matrix.QLogNormal: lambda option: _normal(option, log=True),
}


def dimension(option: matrix.Option) -> Dimension:
    """The dimension that an option of the matrix describes."""
    return _BUILDERS[type(option)](option)
