"""Counting the experiments of a project by their metrics alone, which is what lists are filtered by most."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from api.query.compiler import EXPERIMENTS
from api.query.json_conditions import MetricCondition
from api.query.parser import Expression, parse
from polyaxon.db.models import Experiment, MetricSeries, Project


def as_many(project: Project, query: str | None) -> QuerySet[MetricSeries] | None:
    """Series that are as many as the live experiments of `project` that match `query`; None if it asks for more.

    They are read off the index of their values: no experiment is, but for the archived ones, which are few.
    """
    conditions = [_of_series(expression) for expression in parse(query or "")]
    if not conditions or None in conditions:
        return None
    series = MetricSeries.objects.filter(project=project, kind=MetricSeries.METRIC)
    archived = Experiment.objects.filter(project=project, deleted=True, pk=OuterRef("experiment"))
    first, *others = conditions
    found = series.filter(~Exists(archived), first)
    for other in others:
        found = found.filter(Exists(series.filter(other, experiment=OuterRef("experiment"))))
    return found


def _of_series(expression: Expression) -> Q | None:
    condition = EXPERIMENTS.get(expression.field)
    return condition.of_series(expression) if isinstance(condition, MetricCondition) else None
