"""Largest-Triangle-Three-Buckets (Steinarsson 2013): few points that look like all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt


def lttb(steps: npt.ArrayLike, values: npt.ArrayLike, points: int) -> list[int]:
    """Places of at most `points` points, in order, first and last among them.

    Values that are not finite count as lying on the line between their neighbours.
    """
    places, heights = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    count = len(places)
    if count <= points or points < 3:  # noqa: PLR2004 - first, last and one between
        return list(range(count)) if count <= points else [0, count - 1][-points:]
    x = _scaled(places)
    y = _without_gaps(x, heights)
    edges = np.linspace(1, count - 1, points - 1).astype(np.int64)
    sums_x, sums_y = np.append(0.0, np.cumsum(x)), np.append(0.0, np.cumsum(y))
    starts, ends = edges[:-1], edges[1:]
    following = np.append(edges[2:], count)
    widths = np.maximum(following - ends, 1)
    means_x = (sums_x[ends + widths] - sums_x[ends]) / widths
    means_y = (sums_y[ends + widths] - sums_y[ends]) / widths
    buckets = zip(starts.tolist(), ends.tolist(), means_x.tolist(), means_y.tolist(), strict=True)
    return [0, *_chosen(x, y, buckets), count - 1]


def _chosen(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], buckets: Iterable[tuple[int, int, float, float]]
) -> Iterator[int]:
    """Of each bucket the point that makes the largest triangle with the one chosen before and the mean after it."""
    previous = 0
    for start, end, mean_x, mean_y in buckets:
        slope_x, slope_y = x[previous] - mean_x, y[previous] - mean_y
        offset = slope_x * y[previous] - slope_y * x[previous]
        areas = np.abs(slope_x * y[start:end] - slope_y * x[start:end] - offset)
        previous = start + int(areas.argmax())
        yield previous


def _without_gaps(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled values, with lines over those that are not finite."""
    finite = np.isfinite(y)
    if not finite.any():
        return np.zeros_like(y)
    # Scaled first, so that slopes and areas of huge values stay finite.
    known = _scaled(y[finite])
    return known if finite.all() else np.interp(x, x[finite], known)


def _scaled(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Halved first: the difference of the largest and the smallest float is no float.
    halves = numbers / 2
    low = halves.min()
    return np.asarray((halves - low) / ((halves.max() - low) or 1.0))
