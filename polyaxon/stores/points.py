"""Points of metric series read as arrays: an object for each of a hundred thousand would take most of the time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection

from polyaxon.db.models import MetricPoint
from polyaxon.stores import binary_copy
from polyaxon.stores.binary_copy import MICROSECONDS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOWEST, HIGHEST = -(2**63), 2**63 - 1


class Range(NamedTuple):
    """The points of a series between two steps, both included."""

    series: int
    low: int = LOWEST
    high: int = HIGHEST


class Position(NamedTuple):
    """A point's place in its series: pages go on after it."""

    step: int
    id: int


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one series by step, equal steps as they were stored. Times are Unix time in seconds."""

    steps: Ints
    times: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def at(self, places: Any) -> Points:
        """Those at `places`: anything that numpy takes as an index."""
        return Points(self.steps[places], self.times[places], self.values[places])


def joined(parts: Sequence[Points]) -> Points:
    """One after the other; there is at least one."""
    return Points(*(np.concatenate([getattr(part, name) for part in parts]) for name in Points.__slots__))


def read(ranges: Sequence[Range]) -> dict[int, Points]:
    """Every point of each range, by series, in one statement."""
    if not ranges:
        return {}
    return _arrays(ranges) if connection.vendor == "postgresql" else _rows(ranges)


def read_page(asked: Range, limit: int, after: Position | None = None) -> tuple[Points, Position | None]:
    """The next `limit` points after a position, and the position of the last; None when nothing follows."""
    page = _page_of_arrays if connection.vendor == "postgresql" else _page_of_rows
    ids, points = page(_after(asked, after), limit + 1)
    if len(points) <= limit:
        return points, None
    return points.at(slice(limit)), Position(int(points.steps[limit - 1]), int(ids[limit - 1]))


def last_step(asked: Range) -> int:
    """Of a range that has points."""
    sql = f"SELECT MAX(step) FROM {_TABLE} WHERE series_id = %s AND step BETWEEN %s AND %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return int(cursor.fetchone()[0])


_TABLE = MetricPoint._meta.db_table
# NaN is stored as NULL. Arrays without nulls have elements of one length.
_AGGREGATES = "array_agg(step), array_agg(time), array_agg(COALESCE(value, 'NaN'))"


def _arrays(ranges: Sequence[Range]) -> dict[int, Points]:
    asked = ", ".join(f"({', '.join(map(_bigint, one))})" for one in ranges)
    ordered = _ordered("series_id = asked.series_id AND step BETWEEN asked.low AND asked.high")
    sql = f"""
    SELECT asked.series_id, point.* FROM (VALUES {asked}) asked (series_id, low, high)
    CROSS JOIN LATERAL (SELECT {_AGGREGATES} FROM ({ordered}) ordered) point
    """  # noqa: S608 - numbers
    return {binary_copy.integer(series): _points(fields) for series, *fields in _copied(sql)}


def _page_of_arrays(condition: str, limit: int) -> tuple[Ints, Points]:
    sql = f"SELECT array_agg(id), {_AGGREGATES} FROM ({_ordered(condition)} LIMIT {limit:d}) page"  # noqa: S608
    ((ids, *fields),) = _copied(sql)
    return binary_copy.array(ids, "i8"), _points(fields)


def _copied(sql: str) -> Iterator[list[Any]]:
    data = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({sql}) TO STDOUT (FORMAT binary)", data)
    return binary_copy.tuples(data.getvalue())


def _points(fields: Sequence[memoryview | None]) -> Points:
    steps, times, values = fields
    return Points(
        binary_copy.array(steps, "i8"),
        (binary_copy.array(times, "i8") + binary_copy.EPOCH) / MICROSECONDS,
        binary_copy.array(values, "f8"),
    )


def _rows(ranges: Sequence[Range]) -> dict[int, Points]:
    asked = ", ".join(f"({', '.join(map(_bigint, one))})" for one in ranges)
    sql = f"""
    WITH asked(series_id, low, high) AS (VALUES {asked})
    SELECT point.series_id, point.step, point.time || '', point.value
    FROM asked JOIN {_TABLE} point ON point.series_id = asked.series_id AND point.step BETWEEN asked.low AND asked.high
    ORDER BY point.series_id, point.step, point.id
    """  # noqa: S608 - numbers
    series, points = _columns(sql)
    starts, ends = (np.searchsorted(series, [one.series for one in ranges], side) for side in ("left", "right"))
    return {one.series: points.at(slice(start, end)) for one, start, end in zip(ranges, starts, ends, strict=True)}


def _page_of_rows(condition: str, limit: int) -> tuple[Ints, Points]:
    ordered = _ordered(condition)
    return _columns(f"SELECT id, step, time || '', value FROM ({ordered} LIMIT {limit:d}) page")  # noqa: S608


def _columns(sql: str) -> tuple[Ints, Points]:
    """The first column, and the points in the others."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
    first, steps, times, values = zip(*rows, strict=True) if rows else [()] * 4
    moments = np.array(times, "datetime64[us]").astype(np.int64) / MICROSECONDS
    return np.array(first, np.int64), Points(np.array(steps, np.int64), moments, np.array(values, np.float64))


def _after(asked: Range, after: Position | None) -> str:
    series, low, high = map(_bigint, asked)
    if after is None:
        return f"series_id = {series} AND step BETWEEN {low} AND {high}"
    step, identifier = map(_bigint, after)
    return f"series_id = {series} AND step BETWEEN {step} AND {high} AND (step, id) > ({step}, {identifier})"


def _ordered(condition: str) -> str:
    return f"SELECT id, step, time, value FROM {_TABLE} WHERE {condition} ORDER BY step, id"  # noqa: S608


def _bigint(number: int) -> str:
    """COPY takes no parameters. A literal of the smallest number would be one of another type."""
    return f"CAST('{number:d}' AS BIGINT)"
