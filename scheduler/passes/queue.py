"""Which runs wait and which are under way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import cast

from django.db.models import QuerySet

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, ExperimentGroup, Job
from polyaxon.db.prepared import Prepared
from polyaxon.lifecycles import Lifecycle

Run = Experiment | Job
KINDS: tuple[type[Run], ...] = (Experiment, Job)


def under_way(model: type[Run]) -> QuerySet[Run]:
    """Managed runs that hold a slot: dispatched and not done. What waits for a build is not dispatched yet."""
    lifecycle: Lifecycle = model.LIFECYCLE
    rows = model._base_manager.filter(is_managed=True)
    return cast("QuerySet[Run]", rows.filter(status__in=lifecycle.open - WAITING))


def active_runs() -> Iterator[Run]:
    """Every run that holds a slot."""
    for model in KINDS:
        yield from _under_way(model).all()


@cache
def _under_way(model: type[Run]) -> Prepared[Run]:
    return Prepared(partial(under_way, model))


def find(model: type[Run], pk: int) -> Run | None:
    """The run of that number, with the relations that every launch needs.

    Those that few runs have are left for later: planning a join of many tables takes longer than reading them.
    """
    return _found(model).first(pk=pk)


@cache
def _found(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda pk: model._base_manager.filter(pk=pk).select_related("project__owner", "user"), pk=int)


def count_active() -> int:
    return sum(under_way(model).count() for model in KINDS)


def open_groups() -> QuerySet[ExperimentGroup]:
    """Searches that are not done."""
    groups = ExperimentGroup._base_manager.filter(group_type=ExperimentGroup.STUDY, is_managed=True)
    return groups.exclude(status__in=ExperimentGroup.LIFECYCLE.done)


def model_of(kind: str) -> type[Run]:
    """`experiment` or `job`."""
    return Experiment if kind == "experiment" else Job
