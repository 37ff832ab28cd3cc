"""Largest-Triangle-Three-Buckets (Steinarsson 2013): few points that look like all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def lttb(steps: Sequence[int], values: Sequence[float], points: int) -> list[int]:
    """Places of at most `points` points, in order, first and last among them.

    Values that are not finite count as lying on the line between their neighbours.
    """
    count = len(steps)
    if count <= points or points < 3:  # noqa: PLR2004 - first, last and one between
        return list(range(count)) if count <= points else [0, count - 1][-points:]
    x = _scaled(np.asarray(steps, dtype=np.float64))
    y = _without_gaps(x, np.asarray(values, dtype=np.float64))
    edges = np.linspace(1, count - 1, points - 1).astype(np.int64)
    sums_x, sums_y = np.append(0.0, np.cumsum(x)), np.append(0.0, np.cumsum(y))
    kept = [0]
    for place in range(points - 2):
        start, end = int(edges[place]), int(edges[place + 1])
        following = int(edges[place + 2]) if place + 2 < len(edges) else count
        width = max(following - end, 1)
        third_x = (sums_x[end + width] - sums_x[end]) / width
        third_y = (sums_y[end + width] - sums_y[end]) / width
        kept.append(start + _farthest(x, y, kept[-1], start, end, third_x, third_y))
    return [*kept, count - 1]


def _without_gaps(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled values, with lines over those that are not finite."""
    finite = np.isfinite(y)
    if not finite.any():
        return np.zeros_like(y)
    # Scaled first, so that slopes and areas of huge values stay finite.
    known = _scaled(y[finite])
    return known if finite.all() else np.interp(x, x[finite], known)


def _farthest(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], previous: int, start: int, end: int, x2: float, y2: float
) -> int:
    """The point of the bucket that makes the largest triangle with the chosen one before and the mean after."""
    x0, y0 = x[previous], y[previous]
    areas = np.abs((x0 - x2) * (y[start:end] - y0) - (x0 - x[start:end]) * (y2 - y0))
    return int(np.argmax(areas))


def _scaled(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Halved first: the difference of the largest and the smallest float is no float.
    halves = numbers / 2
    low = halves.min()
    return np.asarray((halves - low) / ((halves.max() - low) or 1.0))
