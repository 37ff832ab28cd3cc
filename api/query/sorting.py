"""`?sort=-metric.loss,created_at`: rows without a value come last in both directions."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet, Subquery
from django.db.models.expressions import OrderBy

from api.query.json_conditions import metric_series
from polyaxon.errors import InvalidInput

ModelT = TypeVar("ModelT", bound=Model)
TIMES = frozenset({"created_at", "updated_at", "started_at", "finished_at"})
METRICS = frozenset({"metric", "metrics"})
MAX_KEYS = 16


def ordered(rows: QuerySet[ModelT], sort: str | None, *, metrics: bool = False) -> QuerySet[ModelT]:
    """`rows` in the order that `sort` names; unknown keys are ignored. Raises `InvalidInput`."""
    keys = [key.strip() for key in (sort or "").split(",")]
    if "\x00" in (sort or ""):
        raise InvalidInput("Sort: the character NUL is in no name. Remove it.")
    if len(keys) > MAX_KEYS:
        raise InvalidInput(f"A list is sorted by at most {MAX_KEYS} fields.")
    orders = [order for key in keys if (order := _order(key, metrics=metrics)) is not None]
    # The id makes the order total: pages neither repeat nor lose rows.
    return rows.order_by(*(orders or [_by(F("updated_at"), descending=True)]), "-id")


def _order(key: str, *, metrics: bool) -> OrderBy | None:
    name = key.removeprefix("-").strip()
    descending = key.startswith("-")
    if name in TIMES:
        return _by(F(name), descending=descending)
    family, dot, metric = name.partition(".")
    if "." in metric:
        raise InvalidInput(f"Sort: {key!r} has more than one dot.")
    if metrics and dot and metric and family in METRICS:
        return _by(Subquery(metric_series(metric).values("last")[:1]), descending=descending)
    return None


def _by(expression: Any, *, descending: bool) -> OrderBy:
    return OrderBy(expression, descending=descending, nulls_last=True)
