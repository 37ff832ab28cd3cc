"""Metric series: ingested past the ORM, read back as summaries or as the rows that clients logged.

Ingest is one multi-row upsert of the summaries, which also hands out the steps, and one bulk insert of the points: COPY
on Postgres, `executemany` on SQLite. NaN is stored as NULL, because SQLite has no other way; infinities as such.
"""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from polyaxon.db.models import Experiment, MetricBatch, MetricPoint, MetricSeries

SERIES_PER_STATEMENT = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """Values logged together. `step` None: the next one of each series."""

    values: Mapping[str, float]
    time: datetime
    step: int | None = None


@dataclass(slots=True)
class _Series:
    """What one batch adds to one series."""

    values: list[float] = field(default_factory=list)
    last_step: int | None = None
    last_time: datetime | None = None
    first_step: int = 0
    id: int = 0

    def add(self, value: float, row: Row) -> int:
        """Append and return the value's place within the batch."""
        self.values.append(value)
        self.last_step, self.last_time = row.step, row.time
        return len(self.values) - 1


@transaction.atomic
def ingest(
    run: uuid.UUID,
    rows: Sequence[Row],
    *,
    experiment: Experiment | None = None,
    kind: str = MetricSeries.METRIC,
    batch: uuid.UUID | None = None,
) -> int | None:
    """Store `rows` of `run` and return how many points they had; None when `batch` was stored before."""
    if batch is not None and not _claim(run, batch):
        return None
    series, points = _collect(rows)
    if not points:
        return 0
    _upsert(run, experiment.pk if experiment else None, kind, series)
    _insert(series, points)
    return len(points)


def _claim(run: uuid.UUID, batch: uuid.UUID) -> bool:
    # Not `bulk_create(ignore_conflicts=True)`: it does not tell whether a row was added.
    sql = "INSERT INTO {} (run, batch, created_at) VALUES (%s, %s, CURRENT_TIMESTAMP) ON CONFLICT DO NOTHING"
    with connection.cursor() as cursor:
        cursor.execute(sql.format(MetricBatch._meta.db_table), [_uuid(run), _uuid(batch)])
        return bool(cursor.rowcount == 1)


_Point = tuple[str, int, Row, float]


def _collect(rows: Sequence[Row]) -> tuple[dict[str, _Series], list[_Point]]:
    series: dict[str, _Series] = {}
    points: list[_Point] = []
    for row in rows:
        for name, value in row.values.items():
            entry = series.get(name)
            if entry is None:
                entry = series[name] = _Series()
            points.append((name, entry.add(value, row), row, value))
    return series, points


_UPSERT = """
INSERT INTO {table} (run, experiment_id, kind, name, count, last, last_step, last_time, min, max)
VALUES {values}
ON CONFLICT (run, kind, name) DO UPDATE SET
  count = {table}.count + excluded.count,
  last = excluded.last,
  last_step = {last_step},
  last_time = excluded.last_time,
  min = CASE WHEN {table}.min IS NULL OR excluded.min < {table}.min THEN excluded.min ELSE {table}.min END,
  max = CASE WHEN {table}.max IS NULL OR excluded.max > {table}.max THEN excluded.max ELSE {table}.max END
RETURNING id, name, count
"""


def _upsert(run: uuid.UUID, experiment_id: int | None, kind: str, series: dict[str, _Series]) -> None:
    # In one order over all names: two batches that touch the same series then never wait for each other in a circle.
    for explicit, names in groupby(sorted(series), lambda name: series[name].last_step is not None):
        chosen = list(names)
        for start in range(0, len(chosen), SERIES_PER_STATEMENT):
            part = chosen[start : start + SERIES_PER_STATEMENT]
            _upsert_part(run, experiment_id, kind, {name: series[name] for name in part}, explicit=explicit)


def _upsert_part(
    run: uuid.UUID, experiment_id: int | None, kind: str, series: Mapping[str, _Series], *, explicit: bool
) -> None:
    table = MetricSeries._meta.db_table
    parameters: list[Any] = []
    for name, entry in series.items():
        count, bounds = len(entry.values), _bounds(entry.values)
        last_step = entry.last_step if explicit else count - 1
        parameters += [_uuid(run), experiment_id, kind, name, count, _stored(entry.values[-1]), last_step]
        parameters += [_time(entry.last_time), *bounds]
    sql = _UPSERT.format(
        table=table,
        values=", ".join(["(" + ", ".join(["%s"] * 10) + ")"] * len(series)),
        last_step="excluded.last_step" if explicit else f"{table}.count + excluded.last_step",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        for identifier, name, total in cursor.fetchall():
            entry = series[name]
            entry.id, entry.first_step = identifier, total - len(entry.values)


def _insert(series: Mapping[str, _Series], points: Sequence[_Point]) -> None:
    (_copy if connection.vendor == "postgresql" else _executemany)(series, points)


def _copy(series: Mapping[str, _Series], points: Sequence[_Point]) -> None:
    text = "".join(
        f"{identifier}\t{step}\t{time}\t{_copied(value)}\n"
        for identifier, step, time, value in _tuples(series, points, datetime.isoformat)
    )
    sql = f"COPY {MetricPoint._meta.db_table} (series_id, step, time, value) FROM STDIN"
    with connection.cursor() as cursor:
        cursor.copy_expert(sql, io.StringIO(text))


def _executemany(series: Mapping[str, _Series], points: Sequence[_Point]) -> None:
    sql = f"INSERT INTO {MetricPoint._meta.db_table} (series_id, step, time, value) VALUES (%s, %s, %s, %s)"  # noqa: S608
    rows = [
        (identifier, step, time, _stored(value)) for identifier, step, time, value in _tuples(series, points, _time)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def _tuples(
    series: Mapping[str, _Series], points: Sequence[_Point], written: Callable[[datetime], Any]
) -> Iterator[tuple[int, int, Any, float]]:
    """The points as rows of the table. A row's time is converted once: that costs more than all the rest."""
    row: Row | None = None
    time: Any = None
    for name, place, current, value in points:
        if current is not row:
            row, time = current, written(current.time)
        entry = series[name]
        yield entry.id, entry.first_step + place if current.step is None else current.step, time, value


def _bounds(values: Sequence[float]) -> tuple[float | None, float | None]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (None, None)


def _stored(value: float) -> float | None:
    return None if math.isnan(value) else value


def _copied(value: float) -> str:
    return "\\N" if math.isnan(value) else repr(value)


def _uuid(value: uuid.UUID) -> Any:
    return MetricSeries._meta.get_field("run").get_db_prep_value(value, connection)


def _time(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def summaries(experiments: Sequence[Experiment]) -> dict[int, dict[str, float]]:
    """Last value of each metric by experiment id: one query. NaN for what is stored as NULL."""
    found: dict[int, dict[str, float]] = {experiment.pk: {} for experiment in experiments}
    query = MetricSeries.objects.filter(experiment__in=found, kind=MetricSeries.METRIC).order_by("id")
    for identifier, name, last in query.values_list("experiment_id", "name", "last"):
        found[identifier][name] = loaded(last)
    return found


def loaded(value: float | None) -> float:
    """A stored value as the float that it stands for."""
    return math.nan if value is None else value


@dataclass(slots=True)
class LoggedRow:
    """What a client logged in one call, put together again from its points."""

    id: int
    experiment_id: int
    time: datetime
    step: int
    values: dict[str, float]


def logged_rows(experiment_ids: Sequence[int]) -> list[LoggedRow]:
    """Every row of these experiments, oldest first.

    Points of one experiment and time belong together; a series that occurs twice at a time starts another row.
    """
    query = (
        MetricPoint.objects.filter(series__experiment__in=experiment_ids, series__kind=MetricSeries.METRIC)
        .order_by("time", "id")
        .values_list("id", "series__experiment_id", "series__name", "step", "time", "value")
    )
    rows: list[LoggedRow] = []
    places: dict[tuple[int, datetime, int], LoggedRow] = {}
    seen: dict[tuple[int, datetime, str], int] = {}
    for identifier, experiment_id, name, step, time, value in query.iterator(chunk_size=10_000):
        occurrence = seen.get((experiment_id, time, name), 0)
        seen[experiment_id, time, name] = occurrence + 1
        row = places.get((experiment_id, time, occurrence))
        if row is None:
            row = LoggedRow(identifier, experiment_id, time, step, {})
            places[experiment_id, time, occurrence] = row
            rows.append(row)
        row.values[name] = loaded(value)
    return rows
