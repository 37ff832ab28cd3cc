"""`?sort=-metric.loss,created_at`: rows without a value come last in both directions."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import F, FilteredRelation, Model, Q, QuerySet
from django.db.models.expressions import OrderBy

from api.query.parser import sources
from polyaxon.db.models import MetricSeries
from polyaxon.errors import InvalidInput

ModelT = TypeVar("ModelT", bound=Model)
# "Nulls last" would keep Postgres from using the index of a column that has none.
ALWAYS = frozenset({"created_at", "updated_at"})
SOMETIMES = frozenset({"started_at", "finished_at"})
METRICS = {"metric": "last", "metrics": "last", "metric_min": "min", "metric_max": "max"}
# The smallest value when the smallest come first, the largest when they do.
BEST = "metric_best"
MAX_KEYS = 16


def ordered(rows: QuerySet[ModelT], sort: str | None, *, metrics: bool = False) -> QuerySet[ModelT]:
    """`rows` in the order that `sort` names; unknown keys are ignored. Raises `InvalidInput`."""
    keys = sources(sort or "")
    if "\x00" in (sort or ""):
        raise InvalidInput("Sort: the character NUL is in no name. Remove it.")
    if len(keys) > MAX_KEYS:
        raise InvalidInput(f"A list is sorted by at most {MAX_KEYS} fields.")
    orders: list[OrderBy] = []
    for key in keys:
        name, descending = _direction(key.text)
        column, metric = _metric(name, key.column, descending=descending) if metrics else ("", None)
        if metric is not None:
            alias = f"sort_{len(orders)}"
            rows = rows.alias(**{alias: _series(metric)})
            orders.append(OrderBy(F(f"{alias}__{column}"), descending=descending, nulls_last=True))
        elif name in ALWAYS or (name in SOMETIMES and hasattr(rows.model, name)):
            orders.append(OrderBy(F(name), descending=descending, nulls_last=name in SOMETIMES or None))
    # The id makes the order total: pages neither repeat nor lose rows.
    return rows.order_by(*(orders or [F("updated_at").desc()]), "-id")


def only_metric(sort: str | None) -> tuple[str, bool] | None:
    """The metric whose last value alone sorts, and whether downwards. Raises `InvalidInput`."""
    keys = sources(sort or "")
    if len(keys) != 1 or "\x00" in keys[0].text:
        return None
    name, descending = _direction(keys[0].text)
    column, metric = _metric(name, keys[0].column, descending=descending)
    return (metric, descending) if column == "last" and metric is not None else None


def _direction(key: str) -> tuple[str, bool]:
    """What `key` sorts by, and whether it does so downwards."""
    return key.removeprefix("-").strip(), key.startswith("-")


def _metric(key: str, place: int, *, descending: bool) -> tuple[str, str | None]:
    """Column of the summary and the metric's name in `metric.<name>`; no name for another key.

    `place` is where the key begins in the text, counted from 1.
    """
    family, _, metric = key.partition(".")
    if "." in metric:
        raise InvalidInput(f"Sort, column {place}: {key!r} has more than one dot.")
    column = ("max" if descending else "min") if family == BEST else METRICS.get(family, "")
    return column, metric if metric and column else None


def _series(name: str) -> FilteredRelation:
    """A join to the one series of that name: cheaper than a subquery per row."""
    return FilteredRelation("series", condition=Q(series__name=name, series__kind=MetricSeries.METRIC))
