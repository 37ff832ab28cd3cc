"""Experiments in the order of one metric, read off the index of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from django.db.models import Exists, F, Q, QuerySet
from django.db.models.expressions import OrderBy

from api.query.json_conditions import metric_series
from polyaxon.db.models import Experiment, MetricSeries


@dataclass(frozen=True, slots=True)
class ByMetric(Sequence[Experiment]):
    """`rows` by the last value of `metric`, and after them, in both directions, those that have none.

    Sorting all rows because some might lack the metric takes a hundred times as long as reading one page of those that
    have it off the index, so the two parts are read one after the other.
    """

    rows: QuerySet[Experiment]
    metric: str
    descending: bool
    where: Q | None = None
    """What is asked of the metric's series, by the names of its columns: then only those that have one match."""

    def __len__(self) -> int:
        return self.rows.count() if self.where is None else self._with_value().count()

    @overload
    def __getitem__(self, part: int) -> Experiment: ...
    @overload
    def __getitem__(self, part: slice) -> list[Experiment]: ...
    def __getitem__(self, part: int | slice) -> Experiment | list[Experiment]:
        """Slices have a start and a stop that are not negative, and no step."""
        if isinstance(part, int):
            return self[part : part + 1][0]
        found = list(self._with_value()[part])
        missing = part.stop - part.start - len(found)
        if missing <= 0 or self.where is not None:
            return found
        skipped = 0 if found else max(0, part.start - self._with_value().count())
        return found + list(self._without_value()[skipped : skipped + missing])

    def _with_value(self) -> QuerySet[Experiment]:
        rows = self.rows.filter(
            *([] if self.where is None else [_of_relation(self.where)]),
            series__project=F("project"),
            series__name=self.metric,
            series__kind=MetricSeries.METRIC,
            series__last__isnull=False,
        )
        return rows.order_by(OrderBy(F("series__last"), descending=self.descending), "-id")

    def _without_value(self) -> QuerySet[Experiment]:
        return self.rows.filter(~Exists(metric_series(self.metric).filter(last__isnull=False))).order_by("-id")


def _of_relation(where: Q) -> Q:
    """The same condition, asked of the experiments that have the series."""
    asked = Q(_connector=where.connector, _negated=where.negated)
    for child in where.children:
        if isinstance(child, Q):
            asked.children.append(_of_relation(child))
        else:
            assert isinstance(child, tuple)
            name, value = child
            asked.children.append((f"series__{name}", value))
    return asked
