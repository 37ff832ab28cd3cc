"""Metric points put together again to the rows that clients logged."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.db import connection

from polyaxon.db.models import MetricPoint, MetricSeries
from polyaxon.stores.series import loaded


@dataclass(slots=True)
class LoggedRow:
    """What a client logged in one call."""

    id: int
    experiment_id: int
    time: datetime
    step: int
    values: dict[str, float]


# Points of one experiment and time belong together; a series that occurs twice at a time starts another row.
_ROWS = """
WITH points AS (
  SELECT point.id, point.time, series.experiment_id,
         ROW_NUMBER() OVER (PARTITION BY point.series_id, point.time ORDER BY point.id) AS place
  FROM {points} point JOIN {series} series ON series.id = point.series_id
  WHERE series.kind = %s AND series.experiment_id IN ({experiments})
), logged AS (
  SELECT experiment_id, time, place, MIN(id) AS id FROM points GROUP BY experiment_id, time, place
)
"""


class LoggedRows:
    """The rows of some experiments, oldest first. A slice reads only the points of its rows."""

    def __init__(self, experiment_ids: Collection[int]) -> None:
        self._experiments = list(experiment_ids)

    def count(self) -> int:
        """How many rows there are."""
        return self._count

    @cached_property
    def _count(self) -> int:
        return int(self._select("SELECT COUNT(*) FROM logged")[0][0]) if self._experiments else 0

    def __getitem__(self, part: slice) -> list[LoggedRow]:
        start, stop, _ = part.indices(self.count())
        if start >= stop:
            return []
        if (start, stop) == (0, self.count()):
            return _assembled(self._points())
        page = "SELECT id, time FROM logged ORDER BY time, id LIMIT %s OFFSET %s"
        keys = {identifier: _moment(time) for identifier, time in self._select(page, stop - start, start)}
        points = self._points(time__gte=min(keys.values()), time__lte=max(keys.values()))
        return [row for row in _assembled(points) if row.id in keys]

    def _select(self, sql: str, *parameters: int) -> list[tuple[Any, ...]]:
        rows = _ROWS.format(
            points=MetricPoint._meta.db_table,
            series=MetricSeries._meta.db_table,
            experiments=", ".join(["%s"] * len(self._experiments)),
        )
        with connection.cursor() as cursor:
            cursor.execute(rows + sql, [MetricSeries.METRIC, *self._experiments, *parameters])
            return list(cursor.fetchall())

    def _points(self, **within: datetime) -> Iterable[tuple[Any, ...]]:
        points = MetricPoint.objects.filter(
            series__experiment__in=self._experiments, series__kind=MetricSeries.METRIC, **within
        ).order_by("time", "id")
        columns = ("id", "series__experiment_id", "series__name", "step", "time", "value")
        return points.values_list(*columns).iterator(chunk_size=10_000)


def logged_rows(experiment_ids: Collection[int]) -> list[LoggedRow]:
    """Every row of these experiments, oldest first."""
    return LoggedRows(experiment_ids)[:]


def _assembled(points: Iterable[tuple[Any, ...]]) -> list[LoggedRow]:
    rows: list[LoggedRow] = []
    places: dict[tuple[int, datetime, int], LoggedRow] = {}
    seen: dict[tuple[int, datetime, str], int] = {}
    for identifier, experiment_id, name, step, time, value in points:
        occurrence = seen.get((experiment_id, time, name), 0)
        seen[experiment_id, time, name] = occurrence + 1
        row = places.get((experiment_id, time, occurrence))
        if row is None:
            row = LoggedRow(identifier, experiment_id, time, step, {})
            places[experiment_id, time, occurrence] = row
            rows.append(row)
        row.values[name] = loaded(value)
    return rows


def _moment(time: datetime | str) -> datetime:
    """SQLite has times without a zone, or as texts; both mean UTC."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
