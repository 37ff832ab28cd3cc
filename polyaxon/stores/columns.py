"""Metric series ingested column by column: whole arrays instead of rows, written in the database's binary format."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from polyaxon.db.models import Experiment, MetricPoint
from polyaxon.stores.binary_copy import END, EPOCH, HEADER, MICROSECONDS, NULL
from polyaxon.stores.series import NOWHERE, Addition, Measured, Step, claim, upsert

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# One tuple of the binary format: the number of columns, then each with its length before it.
_TUPLE = np.dtype(
    [
        ("columns", ">i2"),
        *(
            entry
            for name, kind in (("series", ">i8"), ("step", ">i8"), ("time", ">i8"), ("value", ">f8"))
            for entry in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class Column:
    """New values of one series, none of the arrays empty. `times`: microseconds of Unix time.

    `steps` None: counted on from those that the series has.
    """

    name: str
    values: Floats
    times: Ints
    steps: Ints | None = None

    def addition(self) -> Addition:
        """What these values add to the summary of the series."""
        finite = np.flatnonzero(np.isfinite(self.values))
        low = finite[np.argmin(self.values[finite])] if finite.size else None
        high = finite[np.argmax(self.values[finite])] if finite.size else None
        last = float(self.values[-1])
        return Addition(
            count=len(self.values),
            last=None if np.isnan(last) else last,
            last_time=_moment(self.times[-1]),
            last_step=self._step(len(self.values) - 1),
            min=None if low is None else float(self.values[low]),
            min_step=self._step(low),
            max=None if high is None else float(self.values[high]),
            max_step=self._step(high),
        )

    def _step(self, place: int | np.int64 | None) -> Step:
        if place is None:
            return NOWHERE
        return Step(int(place), given=False) if self.steps is None else Step(int(self.steps[place]))


@transaction.atomic
def ingest_columns(experiment: Experiment, columns: Sequence[Column], *, batch: uuid.UUID | None = None) -> int | None:
    """Store `columns`, each of another series; the number of points, or None when `batch` was stored before."""
    if batch is not None and not claim(experiment.uuid, batch):
        return None
    if not columns:
        return 0
    additions = {column.name: column.addition() for column in columns}
    places = upsert(Measured.of(experiment), additions)
    # Without the type the result would be in the machine's byte order.
    points = np.concatenate([_points(column, *places[column.name]) for column in columns], dtype=_TUPLE)
    if connection.vendor == "postgresql":
        _copy(points)
    else:
        _executemany(points)
    return len(points)


def _points(column: Column, series: int, first_step: int) -> npt.NDArray[Any]:
    rows = np.empty(len(column.values), _TUPLE)
    rows["columns"] = 4
    for name in ("series", "step", "time", "value"):
        rows[f"{name}_length"] = 8
    rows["series"] = series
    rows["step"] = np.arange(first_step, first_step + len(rows)) if column.steps is None else column.steps
    rows["time"] = column.times - EPOCH
    rows["value"] = column.values
    return rows


def _copy(points: npt.NDArray[Any]) -> None:
    data = io.BytesIO(b"".join([HEADER, *_with_nulls(points), END]))
    sql = f"COPY {MetricPoint._meta.db_table} (series_id, step, time, value) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor:
        cursor.copy_expert(sql, data)


def _with_nulls(points: npt.NDArray[Any]) -> Iterator[bytes]:
    """The tuples, NaN as NULL."""
    start = 0
    for place in np.flatnonzero(np.isnan(points["value"])):
        row = points[place : place + 1].copy()
        row["value_length"] = NULL
        yield points[start:place].tobytes() + row.tobytes()[:-8]
        start = int(place) + 1
    yield points[start:].tobytes()


def _executemany(points: npt.NDArray[Any]) -> None:
    sql = f"INSERT INTO {MetricPoint._meta.db_table} (series_id, step, time, value) VALUES (%s, %s, %s, %s)"  # noqa: S608
    times = [connection.ops.adapt_datetimefield_value(_moment(time)) for time in (points["time"] + EPOCH).tolist()]
    values = [None if value != value else value for value in points["value"].tolist()]  # noqa: PLR0124 - NaN
    with connection.cursor() as cursor:
        rows = zip(points["series"].tolist(), points["step"].tolist(), times, values, strict=True)
        cursor.executemany(sql, list(rows))


def _moment(microseconds: int | np.int64) -> datetime:
    seconds, rest = divmod(int(microseconds), MICROSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
