"""How the values of a continuous parameter are distributed."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_MAX_EXPONENT = 709.0
# Below the least of these, and above the greatest, floats get few or end.
_SAFE_EXPONENT = 700.0
# Of so many values, ten thousand draws are all different but for one search in a million.
_MANY = 2.0**45
# A normal distribution has no draws further out than this.
_MAX_DEVIATIONS = 9
# Shares are kept this far from 0 and 1, where a normal distribution has no quantile.
_EDGE = 1e-9


def exponential(value: float) -> float:
    """e to the power of ``value``, held to what a float can hold."""
    return math.exp(min(value, _MAX_EXPONENT))


def between(low: float, high: float, share: float) -> float:
    """The number ``share`` of the way from low to high."""
    # The width of the widest bounds is no float, but half of it is.
    return low + 2 * (share * (high / 2 - low / 2))


class Law(ABC):
    """A distribution of one number; with ``log`` its exponential is what the parameter takes."""

    log: bool

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> float:
        """A random value."""

    @abstractmethod
    def _quantile(self, share: float) -> float: ...

    @abstractmethod
    def _share(self, value: float) -> float: ...

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest value; None when there is no end of them."""

    @property
    @abstractmethod
    def is_dense(self) -> bool:
        """Whether there are so many values that a search does not draw one twice."""

    def quantile(self, share: float) -> float:
        """The value that ``share`` of all draws are below, 0 <= share <= 1."""
        return self._shaped(self._quantile(share))

    def share(self, value: float) -> float:
        """The share of draws below ``value``, from 0 to 1; the inverse of `quantile`."""
        if not self.log:
            return self._share(value)
        return self._share(math.log(value)) if value > 0 else 0.0

    def _shaped(self, value: float) -> float:
        return exponential(value) if self.log else value


def _holds_many(low: float, high: float, *, log: bool) -> bool:
    """Whether there are many floats between low and high, and (``log``) as many exponentials of them."""
    spacing = max(math.ulp(low), math.ulp(high), math.ulp(1.0) if log else 0.0)
    within = max(abs(low), abs(high)) <= (_SAFE_EXPONENT if log else sys.float_info.max)
    return within and high / 2 - low / 2 > _MANY / 2 * spacing


@dataclass(frozen=True)
class UniformLaw(Law):
    low: float
    high: float
    log: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        return self.quantile(float(rng.random()))

    def _quantile(self, share: float) -> float:
        return between(self.low, self.high, share)

    def _share(self, value: float) -> float:
        half = self.high / 2 - self.low / 2
        return 0.5 if half == 0 else min(1.0, max(0.0, (value / 2 - self.low / 2) / half))

    @property
    def bounds(self) -> tuple[float, float]:
        return self._shaped(self.low), self._shaped(self.high)

    @property
    def is_dense(self) -> bool:
        return _holds_many(self.low, self.high, log=self.log)


@dataclass(frozen=True)
class NormalLaw(Law):
    loc: float
    scale: float
    log: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        return self._shaped(float(rng.normal(self.loc, self.scale)))

    def _quantile(self, share: float) -> float:
        return self.loc + self.scale * NormalDist().inv_cdf(min(1 - _EDGE, max(_EDGE, share)))

    def _share(self, value: float) -> float:
        return 0.5 if self.scale == 0 else NormalDist().cdf((value - self.loc) / self.scale)

    @property
    def bounds(self) -> tuple[float, float] | None:
        only = self._shaped(self.loc)
        return (only, only) if self.scale == 0 else None

    @property
    def is_dense(self) -> bool:
        reach = _MAX_DEVIATIONS * self.scale
        return _holds_many(self.loc - reach, self.loc + reach, log=self.log)
