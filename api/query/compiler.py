"""From the filter language to querysets, with one table of fields per resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.db.models import Model, QuerySet

from api.query.conditions import Condition, DateCondition, SearchCondition, UserCondition, ValueCondition
from api.query.json_conditions import (
    AlgorithmCondition,
    ArrayCondition,
    BestMetricCondition,
    ConcurrencyCondition,
    IndependentCondition,
    KeyCondition,
    MetricCondition,
)
from api.query.parser import Expression, parse, wrong

ModelT = TypeVar("ModelT", bound=Model)
Fields = Mapping[str, Condition]


def _related(column: str) -> ValueCondition:
    """A row that another one points at, by its id or its name."""
    return ValueCondition(column, {"id": column, "name": f"{column}__name"}, is_id=True)


_COMMON: dict[str, Condition] = {
    "id": ValueCondition("id", is_id=True),
    "user": UserCondition("user", {"id": "user", "username": "username"}, is_id=True),
    "status": ValueCondition("status"),
    "project": ValueCondition("project", {"id": "project", "name": "project__name"}, is_id=True),
    "name": SearchCondition("name"),
    "description": SearchCondition("description"),
    "created_at": DateCondition("created_at"),
    "updated_at": DateCondition("updated_at"),
    "started_at": DateCondition("started_at"),
    "finished_at": DateCondition("finished_at"),
    "tags": ArrayCondition("tags"),
}
_PARAMS, _METRIC = KeyCondition("params"), MetricCondition()

EXPERIMENTS: Fields = {
    **_COMMON,
    "group": _related("experiment_group"),
    "build": _related("build_job"),
    "backend": ValueCondition("backend"),
    "framework": ValueCondition("framework"),
    "commit": ValueCondition("code_reference__commit"),
    "params": _PARAMS,
    "declarations": _PARAMS,
    "metric": _METRIC,
    "metrics": _METRIC,
    "metric_min": MetricCondition("min"),
    "metric_max": MetricCondition("max"),
    "metric_best": BestMetricCondition(),
    "independent": IndependentCondition(),
}
GROUPS: Fields = {
    **_COMMON,
    "type": ValueCondition("group_type"),
    "concurrency": ConcurrencyCondition(),
    "search_algorithm": AlgorithmCondition(),
}
_COMMIT, _BUILD = ValueCondition("code_reference__commit"), _related("build_job")
JOBS: Fields = {**_COMMON, "build": _BUILD, "commit": _COMMIT}
BUILDS: Fields = {**_COMMON, "commit": _COMMIT, "backend": ValueCondition("backend")}
NOTEBOOKS: Fields = {**_COMMON, "backend": ValueCondition("backend")}
TENSORBOARDS: Fields = {
    **_COMMON,
    "experiment": _related("experiment"),
    "group": _related("experiment_group"),
}


def filtered(rows: QuerySet[ModelT], query: str | None, fields: Fields) -> QuerySet[ModelT]:
    """`rows` for which every expression of `query` holds. Raises `InvalidInput`."""
    for expression in parse(query or ""):
        rows = matching(rows, expression, fields)
    return rows


def matching(rows: QuerySet[ModelT], expression: Expression, fields: Fields) -> QuerySet[ModelT]:
    """`rows` for which `expression` holds. Raises `InvalidInput`."""
    condition = fields.get(expression.field)
    if condition is None:
        raise wrong(expression.source, f"there is no field {expression.field!r} (there are: {', '.join(fields)})")
    return rows.filter(condition.compile(expression))
