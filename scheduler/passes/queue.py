"""Which runs wait and which are under way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, ExperimentGroup, Job
from polyaxon.lifecycles import EXPERIMENT, Lifecycle
from polyaxon.lifecycles import tables as s

Run = Experiment | Job
KINDS: tuple[type[Run], ...] = (Experiment, Job)


def under_way(model: type[Run]) -> QuerySet[Run]:
    """Managed runs that hold a slot: dispatched and not done. What waits for a build is not dispatched yet."""
    lifecycle: Lifecycle = model.LIFECYCLE
    rows = model._base_manager.filter(is_managed=True)
    return cast("QuerySet[Run]", rows.filter(status__in=lifecycle.open - WAITING))


def active_runs() -> Iterator[Run]:
    """Every run that holds a slot, with what a pass needs of its relations."""
    experiments = under_way(Experiment).select_related(
        "project__owner", "experiment_group", "original_experiment__project__owner", "code_reference", "user"
    )
    jobs = under_way(Job).select_related("project__owner", "original_job__project__owner", "code_reference", "user")
    yield from experiments
    yield from jobs


def count_active() -> int:
    return sum(under_way(model).count() for model in KINDS)


def waiting(limit: int) -> list[Run]:
    """The next runs to dispatch, oldest first. Trials that a search suggested wait for its `concurrency`.

    Those that a person added to a group, such as a restarted trial, are none of the search's business: they run also
    after its end.
    """
    ready = Q(build_job=None) | Q(build_job__status=s.SUCCEEDED)
    wanted = {"is_managed": True, "status__in": WAITING, "deleted": False, "stop_requested_at": None}
    experiments = Experiment.objects.filter(ready, **wanted)
    jobs = Job.objects.filter(ready, **wanted)
    found: list[Run] = [
        *experiments.filter(trial_index=None).order_by("id")[:limit],
        *jobs.order_by("id")[:limit],
        *_trials(experiments.filter(_is_free(), trial_index__isnull=False), limit),
    ]
    found.sort(key=lambda run: (run.created_at, run.pk))
    return found[:limit]


def _is_free() -> Combinable:
    """Nobody writes where the trial wants to: the two would destroy each other's checkpoint, or the copy be torn."""
    return ~Q(cloning_strategy__in=("resume", "copy")) | ~Exists(_writers())


def _writers() -> QuerySet[Experiment]:
    """Runs that write now to the outputs in which a trial is to go on, or which it is to copy."""
    owner = OuterRef("original_experiment")
    started = Experiment._base_manager.filter(is_managed=True, status__in=EXPERIMENT.open - WAITING)
    return started.filter(Q(pk=owner) | Q(cloning_strategy="resume", original_experiment=owner))


def _trials(experiments: QuerySet[Experiment], limit: int) -> list[Experiment]:
    groups = ExperimentGroup.objects.filter(status=s.RUNNING, stop_requested_at=None, deleted=False)
    groups = groups.filter(experiments__in=experiments).distinct()
    busy = _busy_by_group(groups)
    found: list[Experiment] = []
    for group in groups:
        free = (group.concurrency or 1) - busy.get(group.pk, 0)
        if free > 0:
            found += experiments.filter(experiment_group=group).order_by("trial_index", "id")[: min(free, limit)]
    return found


def _busy_by_group(groups: QuerySet[ExperimentGroup]) -> dict[int, int]:
    rows = under_way(Experiment).filter(experiment_group__in=groups, trial_index__isnull=False)
    return dict(rows.values_list("experiment_group_id").annotate(busy=Count("id")))


def open_groups() -> QuerySet[ExperimentGroup]:
    """Searches that are not done."""
    groups = ExperimentGroup._base_manager.filter(group_type=ExperimentGroup.STUDY, is_managed=True)
    return groups.exclude(status__in=ExperimentGroup.LIFECYCLE.done)


def model_of(kind: str) -> type[Run]:
    """`experiment` or `job`."""
    return Experiment if kind == "experiment" else Job
