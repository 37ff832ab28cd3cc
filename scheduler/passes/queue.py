"""Which runs wait and which are under way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import TypeVar, cast

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from polyaxon.actions.runs import WAITING
from polyaxon.db.lookups import listed
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, TensorboardJob
from polyaxon.db.prepared import Prepared
from polyaxon.db.server_side import answers, quoted
from polyaxon.lifecycles import Lifecycle
from scheduler.passes.replicas import narrow, with_master

Run = Experiment | Job | BuildJob | NotebookJob | TensorboardJob
RunT = TypeVar("RunT", bound=Run)
KINDS: tuple[type[Run], ...] = (Experiment, Job, BuildJob, NotebookJob, TensorboardJob)
OTHER_KINDS = KINDS[1:]
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
    """Every run that was dispatched and is not done. Where there are only experiments, that is one query."""
    experiments = _EXPERIMENTS.all()
    yield from experiments
    if experiments and not experiments[0].__dict__["_others"]:
        return
    (present,) = answers(f"SELECT {', '.join(map(_exists, OTHER_KINDS))}")
    for model, is_there in zip(OTHER_KINDS, present, strict=True):
        if is_there:
            yield from _under_way(model).all()


def _exists(model: type[Run]) -> str:
    statuses = quoted(model.LIFECYCLE.open - WAITING)
    return f"EXISTS (SELECT 1 FROM {model._meta.db_table} WHERE is_managed AND status IN ({statuses}))"  # noqa: S608


# With whether any other kind is under way.
_EXPERIMENTS = Prepared(
    lambda: narrow(with_master(under_way(Experiment))).annotate(
        _others=RawSQL(f"({' OR '.join(map(_exists, OTHER_KINDS))})", [], output_field=BooleanField())  # noqa: S611 - fixed
    )
)


@cache
def _under_way(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda: narrow(with_master(under_way(model))))


def find(model: type[Run], pk: int) -> Run | None:
    """The run of that number, with the relations that every launch needs.

    Those that few runs have are left for later: planning a join of many tables takes longer than reading them.
    """
    return _found(model).first(pk=pk)


def find_all(model: type[Run], keys: Collection[int]) -> list[Run]:
    """The same of many, by number."""
    return _found_all(model).all(keys=listed(keys)) if keys else []


def find_begun(model: type[Run], keys: Collection[int]) -> list[Run]:
    """The same without what only a launch needs."""
    return _begun(model).all(keys=listed(keys)) if keys else []


@cache
def _begun(model: type[Run]) -> Prepared[Run]:
    def build(keys: str) -> QuerySet[Run]:
        return narrow(with_master(cast("QuerySet[Run]", model._base_manager.filter(pk__among=keys)))).order_by("pk")

    return Prepared(build, keys=str)


@cache
def _found_all(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda keys: _with_relations(model).filter(pk__among=keys).order_by("pk"), keys=str)


@cache
def _found(model: type[Run]) -> Prepared[Run]:
    return Prepared(lambda pk: _with_relations(model).filter(pk=pk), pk=int)


def _with_relations(model: type[Run]) -> QuerySet[Run]:
    return with_master(related(model))


def related(model: type[RunT]) -> QuerySet[RunT]:
    """Runs with the relations that every launch needs."""
    return cast("QuerySet[RunT]", model._base_manager.select_related("project__owner", "user"))


def count_active() -> int:
    """Runs that hold a slot."""
    return sum(under_way(model).count() for model in KINDS if model not in SERVICES)


def open_groups() -> QuerySet[ExperimentGroup]:
    """Searches that are not done."""
    groups = ExperimentGroup._base_manager.filter(group_type=ExperimentGroup.STUDY, is_managed=True)
    return groups.exclude(status__in=ExperimentGroup.LIFECYCLE.done)


def kinds() -> Iterable[str]:
    """As wake-ups name them."""
    return _MODELS


def model_of(kind: str) -> type[Run]:
    """Of a kind as wake-ups name it."""
    return _MODELS[kind]
