"""Small steps from a value that did well, as population-based training takes them."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from hpsearch.dimensions import Continuous, Dimension, identity, quantised

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from hpsearch.dimensions import Levels


def explored(
    dimension: Dimension, value: Any, rng: np.random.Generator, *, factors: Sequence[float], resample_prob: float
) -> Any:
    """Another value of the dimension: with ``resample_prob`` a new draw, otherwise ``value`` times one of ``factors``.

    A number is held to the bounds of the dimension and set to the nearest of its levels, at least one level on in the
    factor's direction as long as there is one. What is no number goes to its neighbour in the order of the file.
    """
    factor = float(factors[int(rng.integers(len(factors)))])
    if rng.random() < resample_prob:
        return dimension.sample(rng)
    if dimension.levels is not None and not _are_numbers(dimension.levels):
        return _neighbour(dimension.levels, value, factor)
    if not _is_number(value):
        return dimension.sample(rng)  # the file fixes this parameter to something else
    if dimension.levels is not None:
        return _stepped(dimension.levels, value, factor)
    assert isinstance(dimension, Continuous)
    return _scaled(dimension, value, factor)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_numbers(levels: Levels) -> bool:
    return not isinstance(levels, list) or all(_is_number(level) for level in levels)


def _direction(value: float, factor: float) -> int:
    """1 when the factor makes the value greater, -1 when less, 0 when it is 1. Zero moves as if it were above 0."""
    away = (factor > 1) - (factor < 1)
    return -away if value < 0 else away


def _neighbour(levels: Levels, value: Any, factor: float) -> Any:
    marks = [identity(level) for level in levels]
    here = marks.index(identity(value)) if identity(value) in marks else 0
    return levels[_within(levels, here + _direction(1.0, factor))]


def _within(levels: Levels, index: int) -> int:
    return max(0, min(len(levels) - 1, index))


def _stepped(levels: Levels, value: float, factor: float) -> Any:
    """The level nearest to the product; levels that are computed are in order, up or down."""
    ordered = sorted(levels) if isinstance(levels, list) else levels
    upwards = 1 if ordered[0] <= ordered[len(ordered) - 1] else -1
    here, there = (_nearest(ordered, number, upwards) for number in (value, _held(value * factor)))
    return ordered[_within(ordered, here + upwards * _direction(value, factor)) if there == here else there]


def _nearest(ordered: Levels, number: float, upwards: int) -> int:
    above = bisect_left(range(len(ordered)), upwards * number, key=lambda index: upwards * ordered[index])
    near = (_within(ordered, above - 1), _within(ordered, above))
    return min(near, key=lambda index: abs(ordered[index] / 2 - number / 2))


def _held(value: float) -> float:
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def _scaled(dimension: Continuous, value: float, factor: float) -> float:
    product = _held(value * factor)
    if dimension.bounds is not None:
        low, high = dimension.bounds
        product = max(low, min(math.nextafter(high, low), product))  # the upper bound itself is never drawn
    return product if dimension.q is None else _multiple(value, product, dimension.q, factor)


def _multiple(value: float, product: float, q: float, factor: float) -> float:
    """The multiple of q nearest to the product, or the next one when that is the value itself."""
    nearest = quantised(product + q / 2, q)
    return quantised(value + (_direction(value, factor) + 0.5) * q, q) if nearest == value else nearest
