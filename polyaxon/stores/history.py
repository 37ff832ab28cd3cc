"""Histories of metric series, down-sampled in the database where that reads less than all points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

from django.db import connection

from polyaxon.db.models import MetricPoint, MetricSeries
from polyaxon.stores.lttb import lttb
from polyaxon.stores.series import loaded

Method = Literal["minmax", "lttb", "last"]
METHODS: tuple[Method, ...] = ("minmax", "lttb", "last")

LOWEST, HIGHEST = -(2**63), 2**63 - 1


@dataclass(slots=True)
class History:
    """Points of one series by step, as columns. Times are Unix time in seconds.

    `count`: points in the asked range. With `minmax` each entry is a bucket of steps: its last point, and with
    `low` and `high` the smallest and largest value in it; empty with other methods.
    """

    series: int
    count: int = 0
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Extent:
    """The points of one series in the asked range of steps."""

    series: int
    count: int
    low: int
    high: int


def histories(
    series: Sequence[MetricSeries], method: Method, points: int, *, from_step: int | None, to_step: int | None
) -> list[History]:
    """Each series in at most `points` points between the two steps, both included; three queries for all."""
    extents = _extents(series, from_step, to_step)
    found = {row.pk: History(row.pk) for row in series}
    for extent in extents:
        found[extent.series].count = extent.count
    whole = [extent for extent in extents if extent.count <= points]
    many = [extent for extent in extents if extent.count > points]
    if method == "lttb":
        _by_triangles(found, whole, many, points)
        return list(found.values())
    _whole(found, whole)
    for extent in whole:
        found[extent.series].low = found[extent.series].high = found[extent.series].values
    _buckets(found, many, points)
    if method == "last":
        for history in found.values():
            history.low, history.high = [], []
    return list(found.values())


def _extents(series: Sequence[MetricSeries], from_step: int | None, to_step: int | None) -> list[_Extent]:
    low, high = (LOWEST if from_step is None else from_step), (HIGHEST if to_step is None else to_step)
    sql = f"""
    SELECT series_id, COUNT(*), MIN(step), MAX(step) FROM {_POINTS}
    WHERE series_id IN ({_marks(series)}) AND step BETWEEN %s AND %s GROUP BY series_id
    """  # noqa: S608 - a table's name and placeholders
    rows = _select(sql, [*(row.pk for row in series), low, high]) if series else []
    return [_Extent(*row) for row in rows]


def _whole(found: dict[int, History], extents: Sequence[_Extent]) -> None:
    for series, rows in groupby(_all_points(extents), key=itemgetter(0)):
        _fill(found[series], [row[1:] for row in rows])


def _all_points(extents: Sequence[_Extent]) -> Iterable[tuple[Any, ...]]:
    if not extents:
        return []
    sql = f"""
    WITH asked(series_id, low, high) AS (VALUES {", ".join(["(%s, %s, %s)"] * len(extents))})
    SELECT point.series_id, point.step, {_epoch("point.time")}, point.value
    FROM asked JOIN {_POINTS} point ON point.series_id = asked.series_id AND point.step BETWEEN asked.low AND asked.high
    ORDER BY point.series_id, point.step, point.id
    """  # noqa: S608
    return _select(sql, [value for extent in extents for value in (extent.series, extent.low, extent.high)])


def _buckets(found: dict[int, History], extents: Sequence[_Extent], points: int) -> None:
    """Buckets of equal width in steps; of each the last point, and the bounds of its values."""
    if not extents:
        return
    # As floating point: the difference of two steps need not fit into 64 bits.
    place = _floor(f"(CAST(point.step AS {_FLOAT}) - asked.first) * asked.scale")
    sql = f"""
    WITH asked(series_id, low, high, first, scale) AS (
      VALUES {", ".join([f"(%s, %s, %s, CAST(%s AS {_FLOAT}), CAST(%s AS {_FLOAT}))"] * len(extents))}
    ), bucket AS (
      SELECT point.series_id, {place} AS place, MAX(point.step) AS step, MIN(point.value) AS low,
             MAX(point.value) AS high
      FROM asked JOIN {_POINTS} point
        ON point.series_id = asked.series_id AND point.step BETWEEN asked.low AND asked.high
      GROUP BY point.series_id, place
    )
    SELECT bucket.series_id, bucket.step, {_epoch("point.time")}, point.value, bucket.low, bucket.high
    FROM bucket JOIN {_last_point()}
    ORDER BY bucket.series_id, bucket.step
    """  # noqa: S608
    parameters: list[Any] = []
    for extent in extents:
        # A little less than the number of buckets, so that the last step falls into the last of them.
        scale = points / (float(extent.high) - float(extent.low) or 1.0) * (1 - 1e-9)
        parameters += [extent.series, extent.low, extent.high, float(extent.low), scale]
    for series, step, time, value, low, high in _select(sql, parameters):
        history = found[series]
        _append(history, step, time, value)
        history.low.append(loaded(low))
        history.high.append(loaded(high))


def _last_point() -> str:
    """The last stored point at the step of a bucket, looked up by the index."""
    latest = f"""
      FROM {_POINTS} latest WHERE latest.series_id = bucket.series_id AND latest.step = bucket.step
      ORDER BY latest.id DESC LIMIT 1
    """
    if connection.vendor == "postgresql":
        # By the id, as below, it would rather read the whole table than look up a thousand of them.
        return f"LATERAL (SELECT latest.time, latest.value {latest}) point ON TRUE"
    return f"{_POINTS} point ON point.id = (SELECT latest.id {latest})"


def _by_triangles(found: dict[int, History], whole: Sequence[_Extent], many: Sequence[_Extent], points: int) -> None:
    full = {extent.series: History(extent.series) for extent in many}
    _whole({**found, **full}, [*whole, *many])
    for series, history in full.items():
        kept = lttb(history.steps, history.values, points)
        target = found[series]
        target.steps = [history.steps[place] for place in kept]
        target.times = [history.times[place] for place in kept]
        target.values = [history.values[place] for place in kept]


@dataclass(frozen=True, slots=True)
class Position:
    """A point's place in its series: pages go on after it."""

    step: int
    id: int


def raw_points(
    series: MetricSeries, limit: int, *, after: Position | None, from_step: int | None, to_step: int | None
) -> tuple[History, Position | None]:
    """The next `limit` points, every one, and where to go on; None at the end."""
    conditions, parameters = ["series_id = %s"], [series.pk]
    low = max(LOWEST if from_step is None else from_step, LOWEST if after is None else after.step)
    conditions.append("step BETWEEN %s AND %s")
    parameters += [low, HIGHEST if to_step is None else to_step]
    if after is not None:
        conditions.append("(step, id) > (%s, %s)")
        parameters += [after.step, after.id]
    sql = f"""
    SELECT id, step, {_epoch("time")}, value FROM {_POINTS}
    WHERE {" AND ".join(conditions)} ORDER BY step, id LIMIT %s
    """  # noqa: S608
    rows = _select(sql, [*parameters, limit + 1])
    page, history = rows[:limit], History(series.pk)
    _fill(history, [row[1:] for row in page])
    history.count = len(page)
    more = len(rows) > limit
    return history, Position(page[-1][1], page[-1][0]) if more else None


def _fill(history: History, rows: Sequence[tuple[int, Any, float | None]]) -> None:
    """The same for many points, by columns: there may be a hundred thousand."""
    if not rows:
        return
    steps, times, values = zip(*rows, strict=True)
    history.steps = list(steps)
    history.times = list(times) if isinstance(times[0], float) else [_seconds(time) for time in times]
    history.values = [math.nan if value is None else value for value in values]


def _append(history: History, step: int, time: Any, value: float | None) -> None:
    history.steps.append(step)
    history.times.append(_seconds(time))
    history.values.append(loaded(value))


def _seconds(time: Any) -> float:
    """SQLite has times without a zone, or as texts; both mean UTC."""
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    if isinstance(time, datetime):
        return time.replace(tzinfo=UTC).timestamp()
    return float(time)


_POINTS = MetricPoint._meta.db_table
_FLOAT = "DOUBLE PRECISION"


def _epoch(column: str) -> str:
    return f"DATE_PART('epoch', {column})" if connection.vendor == "postgresql" else column


def _floor(expression: str) -> str:
    """Of what is not negative."""
    return f"FLOOR({expression})" if connection.vendor == "postgresql" else f"CAST({expression} AS INTEGER)"


def _marks(items: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(items))


def _select(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return list(cursor.fetchall())
