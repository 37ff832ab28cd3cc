"""Statuses of an experiment's further replicas, each from its own pod. The master has its experiment's status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.utils import timezone

from polyaxon.actions.statuses import Move, carry_out, lock, may_move
from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment, ExperimentJob, Job, PodState
from polyaxon.lifecycles import JOB
from polyaxon.lifecycles import tables as s
from polyaxon.pods.seen import PodPhase, Trouble
from scheduler.passes.transitions import not_before

ENDED_WITH = "Ended with its experiment."
PATIENCE = timedelta(seconds=30)  # with pods whose experiment has ended, and of whose end nobody hears
AT_ONCE = 500  # SQLite bounds the parameters of a query
_Place = tuple[str, int]  # role and index


class Told(NamedTuple):
    """What a pod says of its replica."""

    status: str
    message: str | None = None
    at: datetime | None = None


def follow_replicas() -> int:
    """Move every open replica to where its pod is, or end it with its experiment; returns how many moved."""
    rows = ExperimentJob.objects.filter(status__in=sorted(JOB.open)).exclude(role=ExperimentJob.MASTER)
    keys = sorted(set(rows.values_list("experiment", flat=True)))
    moved = 0
    for start in range(0, len(keys), AT_ONCE):
        experiments = Experiment._base_manager.filter(pk__in=keys[start : start + AT_ONCE], is_managed=True)
        started = [each for each in experiments if each.attempt > 0]
        pods = _pods(started)
        moved += sum(_follow(each, pods.get((each.uuid.hex, each.attempt), {})) for each in started)
    return moved


def note_nodes() -> int:
    """Write down on which node each replica, and each job, was scheduled first; returns how many were new."""
    active = [s.STARTING, s.RUNNING, s.WARNING]
    replicas = ExperimentJob.objects.filter(experiment__is_managed=True, experiment__status__in=active)
    jobs = Job._base_manager.filter(is_managed=True, status__in=active)
    wanted: dict[type[ExperimentJob | Job], list[tuple[Any, ...]]] = {
        ExperimentJob: _without_node(replicas, "experiment__uuid", F("role"), F("sequence")),
        Job: _without_node(jobs, "uuid", Value(ExperimentJob.MASTER), Value(0)),
    }
    nodes = _nodes({run for rows in wanted.values() for _, run, *_ in rows})
    found: dict[tuple[type[ExperimentJob | Job], str], list[int]] = defaultdict(list)
    for model, rows in wanted.items():
        for pk, run, role, sequence in rows:
            if node := nodes.get((run, role, sequence)):
                found[model, node].append(pk)
    for (model, node), keys in found.items():
        model._base_manager.filter(pk__in=keys, node_scheduled=None).update(node_scheduled=node)
    return sum(map(len, found.values()))


def _without_node(rows: QuerySet[Any], run: str, role: F | Value, sequence: F | Value) -> list[tuple[Any, ...]]:
    """Number, run, role and sequence of some of them."""
    return list(rows.filter(node_scheduled=None).values_list("pk", run, role, sequence)[: AT_ONCE // 2])


def _nodes(runs: Collection[UUID]) -> dict[tuple[UUID, str, int], str]:
    """Where the pods of runs are, by what each pod is."""
    pods = PodState.objects.filter(run__among=listed(runs), forgotten_at=None).exclude(node=None)
    found = pods.order_by("-id").values_list("run", "role", "index", "node")
    return {(run, *_place_of(role, index)): node for run, role, index, node in found if node}


def place(pod: PodState) -> _Place:
    """The replica that the pod is. Operators have roles of their own: a launcher and a first node are masters."""
    return _place_of(pod.role, pod.index)


def _place_of(role: str, index: int) -> _Place:
    if role == "launcher":
        return ExperimentJob.MASTER, 0
    if role == "node":
        return ("worker", index - 1) if index else (ExperimentJob.MASTER, 0)
    return role, index


def told(pod: PodState | None, experiment: Experiment) -> Told | None:
    """The status of the replica of `pod`, which follows from its experiment's as well; None: as it is."""
    if experiment.is_done:
        return _at_end(pod, experiment)
    return None if pod is None else _meanwhile(pod)


def _at_end(pod: PodState | None, experiment: Experiment) -> Told | None:
    if pod is None:
        return _with_experiment(experiment)
    if PodPhase(pod.phase).is_final:
        if pod.exit_code == 0:
            return Told(s.SUCCEEDED, None, pod.finished_at)
        if pod.reason != "Deleted":
            return Told(s.FAILED, pod.message, pod.finished_at)
    is_late = experiment.finished_at is None or timezone.now() - experiment.finished_at > PATIENCE
    return _with_experiment(experiment) if pod.is_over or pod.is_gone or is_late else None


def _with_experiment(experiment: Experiment) -> Told:
    """Nobody needs it any more, which is no failure of its own."""
    return Told(s.SUCCEEDED if experiment.status == s.SUCCEEDED else s.STOPPED, ENDED_WITH)


def _meanwhile(pod: PodState) -> Told | None:
    phase = PodPhase(pod.phase)
    if phase is PodPhase.RUNNING:
        return Told(s.RUNNING, pod.message, pod.started_at)
    if phase.is_final:  # a failure may be followed by another attempt
        return Told(s.SUCCEEDED if pod.exit_code == 0 else s.WARNING, pod.message, pod.finished_at)
    if pod.trouble is not None:
        is_scheduling = pod.trouble == Trouble.SCHEDULING
        return Told(s.UNSCHEDULABLE if is_scheduling else s.WARNING, pod.message)
    return Told(s.SCHEDULED)


def _pods(experiments: Iterable[Experiment]) -> dict[tuple[str, int], dict[_Place, PodState]]:
    found: dict[tuple[str, int], dict[_Place, PodState]] = {}
    runs = [each.uuid for each in experiments]
    for pod in PodState.objects.filter(run__in=runs, forgotten_at=None).order_by("id"):
        found.setdefault((pod.run.hex, pod.attempt), {})[place(pod)] = pod
    return found


def _follow(experiment: Experiment, pods: dict[_Place, PodState]) -> int:
    """Looked at without locks first: most of the time nothing is to be changed."""
    if not _moves(_open(experiment), pods, experiment):
        return 0
    with transaction.atomic():
        row = lock(experiment)
        if row.attempt != experiment.attempt or row.status != experiment.status:
            return 0  # the next look sees what is so then
        moves = _moves(_open(row, locked=True), pods, row)
        carry_out(moves)
    return len(moves)


def _open(experiment: Experiment, *, locked: bool = False) -> Sequence[ExperimentJob]:
    rows = experiment.jobs.filter(status__in=sorted(JOB.open)).exclude(role=ExperimentJob.MASTER).order_by("pk")
    found = list(rows.select_for_update(no_key=True) if locked else rows)
    for each in found:
        each.experiment = experiment
    return found


def _moves(replicas: Iterable[ExperimentJob], pods: dict[_Place, PodState], experiment: Experiment) -> list[Move]:
    found = ((each, told(pods.get((each.role, each.sequence)), experiment)) for each in replicas)
    return [
        Move(each, what.status, what.message, at=not_before(each, what.at))
        for each, what in found
        if what is not None and may_move(each, what.status)
    ]
