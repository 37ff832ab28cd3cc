"""Lists of experiments: those that match, in the order that was asked for."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from api.query.by_metric import ByMetric
from api.query.compiler import EXPERIMENTS, matching
from api.query.json_conditions import MetricCondition
from api.query.parser import Expression, parse
from api.query.sorting import only_metric, ordered
from polyaxon.db.models import Experiment


def find_experiments(
    rows: QuerySet[Experiment], query: str | None, sort: str | None
) -> QuerySet[Experiment] | ByMetric:
    """`rows` for which every expression of `query` holds, in the order of `sort`. Raises `InvalidInput`.

    What is asked of the metric that also sorts is asked of the row of its series that is read for the order anyway.
    """
    expressions = parse(query or "")
    chosen = only_metric(sort)
    asked: list[Q] = []
    for expression in expressions:
        condition = _of_series(expression, chosen[0]) if chosen else None
        if condition is None:
            rows = matching(rows, expression, EXPERIMENTS)
        else:
            asked.append(condition)
    if chosen is None:
        return ordered(rows, sort, metrics=True)
    metric, descending = chosen
    return ByMetric(rows, metric, descending, Q(*asked) if asked else None)


def _of_series(expression: Expression, metric: str) -> Q | None:
    condition = EXPERIMENTS.get(expression.field)
    if not isinstance(condition, MetricCondition) or expression.suffix != metric:
        return None
    return condition.of_series(expression)
