"""Metric series: ingested past the ORM, read back as summaries; rows and histories have modules of their own.

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
from typing import Any, NamedTuple

from django.db import connection, transaction

from polyaxon.db import server_side
from polyaxon.db.models import Experiment, MetricBatch, MetricPoint, MetricSeries

SERIES_PER_STATEMENT = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """Values logged together. `step` None: the next one of each series."""

    values: Mapping[str, float]
    time: datetime
    step: int | None = None


class Step(NamedTuple):
    """A step that the client gave, or a place in the batch, counted on from the end of the series."""

    number: int | None
    given: bool = True


NOWHERE = Step(None)


@dataclass(frozen=True, slots=True)
class Measured:
    """Whose series these are. Lists of experiments ask for the series by project, so that one index orders them."""

    run: uuid.UUID
    kind: str = MetricSeries.METRIC
    experiment: int | None = None
    project: int | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Measured:
        return cls(experiment.uuid, experiment=experiment.pk, project=experiment.project_id)


@dataclass(frozen=True, slots=True)
class Addition:
    """What one batch adds to the summary of one series. Of equal values the first is the smallest or largest."""

    count: int
    last: float | None
    last_time: datetime | None
    last_step: Step
    min: float | None
    min_step: Step
    max: float | None
    max_step: Step

    @property
    def steps(self) -> tuple[Step, Step, Step]:
        return self.last_step, self.min_step, self.max_step


@dataclass(slots=True)
class _Series:
    """What one batch adds to one series."""

    values: list[float] = field(default_factory=list)
    steps: list[int | None] = field(default_factory=list)
    last_time: datetime | None = None
    first_step: int = 0
    id: int = 0

    def add(self, value: float, row: Row) -> int:
        """Append and return the value's place within the batch."""
        self.values.append(value)
        self.steps.append(row.step)
        self.last_time = row.time
        return len(self.values) - 1

    def summary(self) -> Addition:
        """What the batch adds to the summary."""
        finite = [value for value in self.values if math.isfinite(value)]
        low, high = (min(finite), max(finite)) if finite else (None, None)
        return Addition(
            count=len(self.values),
            last=_stored(self.values[-1]),
            last_time=self.last_time,
            last_step=self.step(len(self.values) - 1),
            min=low,
            min_step=NOWHERE if low is None else self.step(self.values.index(low)),
            max=high,
            max_step=NOWHERE if high is None else self.step(self.values.index(high)),
        )

    def step(self, place: int) -> Step:
        step = self.steps[place]
        return Step(place, given=False) if step is None else Step(step)


@transaction.atomic
def ingest(measured: Measured, rows: Sequence[Row], *, batch: uuid.UUID | None = None) -> int | None:
    """Store `rows` and return how many points they had; None when `batch` was stored before."""
    if batch is not None and not claim(measured.run, batch):
        return None
    series, points = _collect(rows)
    if not points:
        return 0
    additions = {name: entry.summary() for name, entry in series.items()}
    for name, (key, first) in upsert(measured, additions).items():
        series[name].id, series[name].first_step = key, first
    _insert(series, points)
    return len(points)


def claim(run: uuid.UUID, batch: uuid.UUID) -> bool:
    """Whether the batch is new."""
    # Not `bulk_create(ignore_conflicts=True)`: it does not tell whether a row was added.
    sql = "INSERT INTO {} (run, batch, created_at) VALUES (%s, %s, CURRENT_TIMESTAMP) ON CONFLICT DO NOTHING"
    with connection.cursor() as cursor:
        server_side.run(cursor, [(sql.format(MetricBatch._meta.db_table), [_uuid(run), _uuid(batch)])])
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
INSERT INTO {table} (run, kind, experiment_id, project_id, name, count, last, last_time, min, max, last_step, min_step,
                     max_step)
VALUES {values}
ON CONFLICT (run, kind, name) DO UPDATE SET
  count = {table}.count + excluded.count,
  last = excluded.last,
  last_time = excluded.last_time,
  last_step = {last_step},
  min_step = CASE WHEN {table}.min IS NULL OR excluded.min < {table}.min THEN {min_step} ELSE {table}.min_step END,
  max_step = CASE WHEN {table}.max IS NULL OR excluded.max > {table}.max THEN {max_step} ELSE {table}.max_step END,
  min = CASE WHEN {table}.min IS NULL OR excluded.min < {table}.min THEN excluded.min ELSE {table}.min END,
  max = CASE WHEN {table}.max IS NULL OR excluded.max > {table}.max THEN excluded.max ELSE {table}.max END
RETURNING id, name, count
"""
_STEP_COLUMNS = ("last_step", "min_step", "max_step")
_ROW = "(" + ", ".join(["%s"] * 13) + ")"


def upsert(measured: Measured, additions: Mapping[str, Addition]) -> dict[str, tuple[int, int]]:
    """Add to the summaries; the id of each series and how many points it had before, by name."""
    found: dict[str, tuple[int, int]] = {}
    # Steps that were given are stored as they are, others counted on: one statement for each mixture. In one order over
    # all names: two batches that touch the same series then never wait for each other in a circle.
    for given, names in groupby(sorted(additions), lambda name: _given(additions[name])):
        chosen = list(names)
        for start in range(0, len(chosen), SERIES_PER_STATEMENT):
            part = {name: additions[name] for name in chosen[start : start + SERIES_PER_STATEMENT]}
            found |= _upsert_part(measured, part, given)
    return found


def _given(addition: Addition) -> tuple[bool, ...]:
    return tuple(step.given for step in addition.steps)


def _upsert_part(
    measured: Measured, additions: Mapping[str, Addition], given: tuple[bool, ...]
) -> dict[str, tuple[int, int]]:
    sql, parameters = upsert_statement(measured, additions, given)
    with connection.cursor() as cursor:
        server_side.run(cursor, [(sql, parameters)])
        return {name: (key, total - additions[name].count) for key, name, total in cursor.fetchall()}


def upsert_statement(
    measured: Measured, additions: Mapping[str, Addition], given: tuple[bool, ...]
) -> tuple[str, list[Any]]:
    """SQL that adds to summaries whose steps are all `given` alike; it returns their ids, names and counts."""
    table = MetricSeries._meta.db_table
    parameters: list[Any] = []
    whose = [_uuid(measured.run), measured.kind, measured.experiment, measured.project]
    for name, new in additions.items():
        parameters += [*whose, name, new.count, new.last, _time(new.last_time)]
        parameters += [new.min, new.max, *(step.number for step in new.steps)]
    steps = {
        column: f"excluded.{column}" if is_given else f"{table}.count + excluded.{column}"
        for column, is_given in zip(_STEP_COLUMNS, given, strict=True)
    }
    return _UPSERT.format(table=table, values=", ".join([_ROW] * len(additions)), **steps), parameters


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
    for identifier, name, last in last_values(list(found)):
        found[identifier][name] = loaded(last)
    return found


def last_values(experiments: Sequence[int]) -> list[tuple[int, str, float | None]]:
    """Experiment, name and last value of each metric as it is stored, of experiments by id."""
    if not experiments:
        return []
    sql = f"""
    SELECT experiment_id, name, last FROM {MetricSeries._meta.db_table}
    WHERE experiment_id IN ({", ".join(map(str, experiments))}) AND kind = %s ORDER BY id
    """  # noqa: S608 - numbers
    with connection.cursor() as cursor:
        cursor.execute(sql, [MetricSeries.METRIC])
        return list(cursor.fetchall())


def loaded(value: float | None) -> float:
    """A stored value as the float that it stands for."""
    return math.nan if value is None else value
