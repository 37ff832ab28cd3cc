"""Counting the experiments of a list in ways that read less than all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db.models import Case, Exists, OuterRef, Q, QuerySet

from api.query.compiler import EXPERIMENTS
from api.query.json_conditions import MetricCondition
from api.query.parser import Expression, parse
from polyaxon.db.models import Experiment, MetricSeries, Project


def quick_count(project: Project, query: str | None) -> Callable[[], int] | None:
    """Counts the live experiments of `project` that match `query`; None if nothing is quicker than counting them."""
    expressions = parse(query or "")
    if (series := as_many(project, expressions)) is not None:
        return series.count
    if len(expressions) == 1 and (rest := _left_out(expressions[0])):
        return lambda: _live(project).count() - _number(project, rest)
    return None


def as_many(project: Project, expressions: Sequence[Expression]) -> QuerySet[MetricSeries] | None:
    """Series that are as many as the experiments that match; None if something else than metrics is asked for.

    They are read off the index of their values: no experiment is, but for the archived ones, which are few.
    """
    conditions = [_of_series(expression) for expression in expressions]
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


def _left_out(expression: Expression) -> Expression | None:
    """What exactly those match that do not match `expression`: mostly few, and found by an index."""
    if not isinstance(EXPERIMENTS[expression.field].compile(expression), Case):
        return None
    return replace(expression, negated=False)


def _number(project: Project, expression: Expression) -> int:
    series = as_many(project, [expression])
    if series is not None:
        return series.count()
    return _live(project).filter(EXPERIMENTS[expression.field].compile(expression)).count()


def _live(project: Project) -> QuerySet[Experiment]:
    return Experiment.objects.filter(project=project, deleted=False)
