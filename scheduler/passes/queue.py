"""Which runs wait and which are under way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import cast

from django.db.models import QuerySet

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, TensorboardJob
from polyaxon.db.prepared import Prepared
from polyaxon.db.server_side import answers, quoted
from polyaxon.lifecycles import Lifecycle
from scheduler.passes.replicas import with_master

Run = Experiment | Job | BuildJob | NotebookJob | TensorboardJob
KINDS: tuple[type[Run], ...] = (Experiment, Job, BuildJob, NotebookJob, TensorboardJob)
# What people look at while it runs: it takes no slot of those that work.
SERVICES: tuple[type[Run], ...] = (NotebookJob, TensorboardJob)
_MODELS: dict[str, type[Run]] = {
    "experiment": Experiment,
    "job": Job,
    "build": BuildJob,
    "notebook": NotebookJob,
    "tensorboard": TensorboardJob,
}


def under_way(model: type[Run]) -> QuerySet[Run]:
    """Managed runs that are dispatched and not done. What waits for a build is not dispatched yet."""
    lifecycle: Lifecycle = model.LIFECYCLE
    rows = model._base_manager.filter(is_managed=True)
    return cast("QuerySet[Run]", rows.filter(status__in=lifecycle.open - WAITING))


def active_runs() -> Iterator[Run]:
    """Every run that was dispatched and is not done."""
    (present,) = answers(_THERE)
    for model, is_there in zip(KINDS, present, strict=True):
        if is_there:
            yield from _under_way(model).all()


def _exists(model: type[Run]) -> str:
    statuses = quoted(model.LIFECYCLE.open - WAITING)
    return f"EXISTS (SELECT 1 FROM {model._meta.db_table} WHERE is_managed AND status IN ({statuses}))"  # noqa: S608


# Of which kinds there are any: mostly of one.
_THERE = f"SELECT {', '.join(map(_exists, KINDS))}"


@cache
def _under_way(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda: with_master(under_way(model)))


def find(model: type[Run], pk: int) -> Run | None:
    """The run of that number, with the relations that every launch needs.

    Those that few runs have are left for later: planning a join of many tables takes longer than reading them.
    """
    return _found(model).first(pk=pk)


def find_all(model: type[Run], keys: Collection[int]) -> list[Run]:
    """The same of many, by number."""
    rows = _with_relations(model).filter(pk__in=list(keys))
    return list(rows.order_by("pk"))


@cache
def _found(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda pk: _with_relations(model).filter(pk=pk), pk=int)


def _with_relations(model: type[Run]) -> QuerySet[Run]:
    return with_master(cast("QuerySet[Run]", model._base_manager.select_related("project__owner", "user")))


def count_active() -> int:
    """Runs that hold a slot."""
    return sum(under_way(model).count() for model in KINDS if model not in SERVICES)


def open_groups() -> QuerySet[ExperimentGroup]:
    """Searches that are not done."""
    groups = ExperimentGroup._base_manager.filter(group_type=ExperimentGroup.STUDY, is_managed=True)
    return groups.exclude(status__in=ExperimentGroup.LIFECYCLE.done)


def model_of(kind: str) -> type[Run]:
    """Of a kind as wake-ups name it."""
    return _MODELS[kind]
