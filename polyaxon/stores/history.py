"""Histories of metric series, with fewer points where there are more than are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from polyaxon.db.models import MetricSeries
from polyaxon.stores.lttb import lttb
from polyaxon.stores.points import HIGHEST, LOWEST, Floats, Points, Position, Range, joined, last_step, read, read_page

Method = Literal["minmax", "lttb", "last"]
METHODS: tuple[Method, ...] = get_args(Method)

# Points read by one statement: enough that statements do not matter, few enough that memory does not.
BLOCK = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Points of one series by step.

    `count`: points in the asked range. With `minmax` each entry is a bucket of steps: its last point, and with
    `low` and `high` the smallest and largest value in it; None with other methods.
    """

    series: int
    count: int
    points: Points
    low: Floats | None = None
    high: Floats | None = None


def histories(
    series: Sequence[MetricSeries], method: Method, points: int, low: int = LOWEST, high: int = HIGHEST
) -> list[History]:
    """Each series in at most `points` points between the steps `low` and `high`, both included.

    Reads every point in the range. In memory are at most `BLOCK` of them at once, with `lttb` those of a whole series.
    """
    found: dict[int, History] = {}
    for rows in _together(series):
        ranges = [Range(row.pk, low, high) for row in rows]
        if rows[0].count > BLOCK and method != "lttb":
            found |= {asked.series: _long(asked, method, points) for asked in ranges}
        else:
            found |= {key: _sampled(key, all_points, method, points) for key, all_points in read(ranges).items()}
    return [found[row.pk] for row in series]


def _together(series: Sequence[MetricSeries]) -> Iterator[list[MetricSeries]]:
    """Parts that together have at most `BLOCK` points, or one series that has more."""
    part: list[MetricSeries] = []
    count = 0
    for row in series:
        if part and count + row.count > BLOCK:
            yield part
            part, count = [], 0
        part.append(row)
        count += row.count
    if part:
        yield part


def _sampled(series: int, points: Points, method: Method, most: int) -> History:
    """Of points that are all in memory."""
    count = len(points)
    if method == "lttb":
        return History(series, count, points.at(lttb(points.steps, points.values, most)))
    if count <= most:
        return _shown(series, count, _Buckets(points, points.values, points.values), method)
    place = _places(int(points.steps[0]), int(points.steps[-1]), most)
    return _shown(series, count, _bucketed(place, _Buckets(points, points.values, points.values)), method)


def _long(asked: Range, method: Method, most: int) -> History:
    """Of points that are read block by block."""
    block, after = read_page(asked, BLOCK)
    if after is None:
        return _sampled(asked.series, block, method, most)
    place = _places(int(block.steps[0]), last_step(asked), most)
    count, parts = 0, []
    for points in _blocks(asked, block, after):
        count += len(points)
        parts.append(_bucketed(place, _Buckets(points, points.values, points.values)))
    return _shown(asked.series, count, _bucketed(place, _merged(parts)), method)


def _blocks(asked: Range, block: Points, after: Position | None) -> Iterable[Points]:
    yield block
    while after is not None:
        block, after = read_page(asked, BLOCK, after)
        yield block


class _Buckets(NamedTuple):
    """The last point of each, and the bounds of its values."""

    last: Points
    low: Floats
    high: Floats


Places = Callable[[Points], Floats]


def _places(first: int, last: int, buckets: int) -> Places:
    """The bucket of each point: of equal width in steps."""
    # As floating point: the difference of two steps need not fit into 64 bits. A little less than the number of
    # buckets, so that the last step falls into the last of them.
    scale = buckets / (float(last) - float(first) or 1.0) * (1 - 1e-9)
    return lambda points: np.floor((points.steps - float(first)) * scale)


def _bucketed(place: Places, buckets: _Buckets) -> _Buckets:
    """Buckets merged where neighbours have the same place; a point by itself is one too."""
    starts = np.flatnonzero(np.diff(place(buckets.last), prepend=-1.0))
    ends = np.append(starts[1:], len(buckets.last)) - 1
    # Unlike `minimum` and `maximum`, these pass over NaN.
    low, high = np.fmin.reduceat(buckets.low, starts), np.fmax.reduceat(buckets.high, starts)
    return _Buckets(buckets.last.at(ends), low, high)


def _merged(parts: Sequence[_Buckets]) -> _Buckets:
    last, low, high = zip(*parts, strict=True)
    return _Buckets(joined(last), np.concatenate(low), np.concatenate(high))


def _shown(series: int, count: int, buckets: _Buckets, method: Method) -> History:
    bounds = (buckets.low, buckets.high) if method == "minmax" else (None, None)
    return History(series, count, buckets.last, *bounds)
