"""The arithmetic of successive halving: resources and counts that are powers of a ratio, worked out exactly.

Floats lose whole rungs: ``int(log(243) / log(3))`` is 4. Fractions do not. A ratio that was meant to be a simple
fraction is taken for it (3.3333333333333335 for 10/3), and results closer than a billionth to a whole number for that.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from hpsearch.errors import SearchError

if TYPE_CHECKING:
    from polyaxon_schemas.search import Resource

_TOLERANCE = Fraction(1, 10**9)
_SIMPLE = 1000
_MOST_RUNGS = 100


def ratio(value: float) -> Fraction:
    """The fraction that ``value`` stands for."""
    simple = Fraction(value).limit_denominator(_SIMPLE)
    return simple if abs(simple - Fraction(value)) <= _TOLERANCE * simple else Fraction(value)


def floor(value: Fraction) -> int:
    """The greatest whole number not above ``value``, or above it by rounding errors only."""
    return math.floor(value + _TOLERANCE * max(Fraction(1), abs(value)))


def ceil(value: Fraction) -> int:
    """The least whole number not below ``value``, or below it by rounding errors only."""
    return -floor(-value)


def highest_power(eta: Fraction, limit: Fraction) -> int:
    """The greatest k with eta^k <= limit, for eta > 1 and limit >= 1. SearchError when there are far too many."""
    k, power = 0, eta
    while power <= limit * (1 + _TOLERANCE):
        k, power = k + 1, power * eta
        if k > _MOST_RUNGS:
            raise SearchError(f"eta is {float(eta):g}, which makes more than {_MOST_RUNGS} rungs; choose a larger one")
    return k


def amount(resource: Resource, value: Fraction, most: int) -> int | float:
    """``value`` as the resource's type has it: rounded, not cut off; from 1 up when it is an int, ``most`` at most."""
    if resource.type == "int":
        return min(most, max(1, math.floor(value + Fraction(1, 2))))
    return min(float(most), float(value))
