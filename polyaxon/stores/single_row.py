"""One row of metrics at a time, as a training loop without a batching client sends them.

On Postgres the summaries and the points are written by one statement, so that it takes one round trip and one commit.
"""

from __future__ import annotations

import math
import uuid
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F

from polyaxon.db import server_side
from polyaxon.db.models import Experiment, MetricPoint, MetricSeries
from polyaxon.stores.series import Addition, Measured, Row, Step, claim, ingest, upsert_statement


class Point(NamedTuple):
    """A stored value."""

    id: int
    step: int


def ingest_row(experiment: Experiment, row: Row, *, batch: uuid.UUID | None = None) -> Point | None:
    """Store `row`, which has values, and return the point of its first one.

    When `batch` was stored before, nothing is stored: its point, or None where the row's time does not tell it.
    """
    if connection.vendor != "postgresql" or not all(map(math.isfinite, row.values.values())):
        ingest(Measured.of(experiment), [row], batch=batch)
        return _find(experiment, row)
    if batch is None:
        return _write(experiment, row)
    with transaction.atomic():
        return _write(experiment, row) if claim(experiment.uuid, batch) else _find(experiment, row)


_WRITE = """
WITH summary AS ({upsert}),
point AS (
  INSERT INTO {points} (series_id, step, time, value)
  SELECT summary.id, COALESCE(%s::bigint, summary.count - 1), %s::timestamptz, logged.value
  FROM summary JOIN (VALUES {values}) AS logged (name, value, place) ON logged.name = summary.name
  ORDER BY logged.place
  RETURNING id, series_id, step
)
SELECT point.id, point.step FROM point JOIN summary ON summary.id = point.series_id WHERE summary.name = %s
"""


def _write(experiment: Experiment, row: Row) -> Point:
    step = Step(0, given=False) if row.step is None else Step(row.step)
    # In one order over all names: two rows of the same series never wait for each other in a circle.
    additions = {
        name: Addition(1, value, row.time, step, value, step, value, step) for name, value in sorted(row.values.items())
    }
    upsert, parameters = upsert_statement(Measured.of(experiment), additions, (step.given,) * 3)
    values = ", ".join(["(%s, %s::float8, %s::int)"] * len(additions))
    sql = _WRITE.format(upsert=upsert, points=MetricPoint._meta.db_table, values=values)
    logged = [part for place, (name, value) in enumerate(row.values.items()) for part in (name, value, place)]
    with connection.cursor() as cursor:
        server_side.run(cursor, [(sql, [*parameters, row.step, row.time, *logged, next(iter(row.values))])])
        return Point(*cursor.fetchone())


def _find(experiment: Experiment, row: Row) -> Point | None:
    points = MetricPoint.objects.filter(
        series__run=experiment.uuid,
        series__kind=MetricSeries.METRIC,
        series__name=next(iter(row.values)),
        step=F("series__last_step"),  # just written, and found by the index
        time=row.time,
    )
    found = points.order_by("-id").values_list("id", "step").first()
    return Point(*found) if found else None
