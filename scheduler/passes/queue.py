"""Which runs wait and which are under way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
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


# What a pass needs of the relations of a run.
_RELATED: dict[type[Run], tuple[str, ...]] = {
    Experiment: (
        *("project__owner", "experiment_group", "original_experiment__project__owner", "code_reference", "user"),
    ),
    Job: ("project__owner", "original_job__project__owner", "code_reference", "user"),
}


def active_runs() -> Iterator[Run]:
    """Every run that holds a slot, with what a pass needs of its relations."""
    for model, related in _RELATED.items():
        yield from under_way(model).select_related(*related)


def find(model: type[Run], pk: int) -> Run | None:
    """The run of that number, with the same."""
    return _found(model).first(pk=pk)


@cache
def _found(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda pk: model._base_manager.select_related(*_RELATED[model]).filter(pk=pk), pk=int)


def count_active() -> int:
    return sum(under_way(model).count() for model in KINDS)


def open_groups() -> QuerySet[ExperimentGroup]:
    """Searches that are not done."""
    groups = ExperimentGroup._base_manager.filter(group_type=ExperimentGroup.STUDY, is_managed=True)
    return groups.exclude(status__in=ExperimentGroup.LIFECYCLE.done)


def model_of(kind: str) -> type[Run]:
    """`experiment` or `job`."""
    return Experiment if kind == "experiment" else Job
