"""Few runs at once get their slots and are launched, in one step.

In two steps each run is read and written twice. New trials of a search may even begin in the step that stores them:
those of one that learns from its trials come one by one, each when another has ended, and nothing else waits mostly.
Runs that anything has to be copied for, that cannot be prepared, or that somebody else is at take the two, and so do
many at once: whoever waits for the next slots waits for the launches here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db.models import QuerySet

from polyaxon.actions import unlocked
from polyaxon.actions.log_shipments import open_shipments
from polyaxon.actions.new_trials import Draft, Starter
from polyaxon.actions.statuses import Move, may_move
from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment, Token
from polyaxon.db.models.abstract import Stateful
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import Statement, insertion
from polyaxon.lifecycles import tables as s
from scheduler import launch
from scheduler.passes import fairness, launching, queue, runs, slots
from scheduler.passes.dispatch_lock import held_once_more
from scheduler.passes.replicas import as_read_or_new, remember, with_next_master, with_number
from scheduler.passes.slots import Waiting
from scheduler.passes.transitions import moves
from scheduler.runners.base import LaunchSpec

MOST = 4


def start(chosen: Sequence[Waiting], first: Statement) -> int | None:
    """Launch the runs that were chosen; how many that are. None if it takes two steps, and then nothing is done.

    `first`: what refuses it if anybody else has given out slots meanwhile.
    """
    if not 0 < len(chosen) <= MOST or any(run.model is not Experiment for run in chosen):
        return None
    with runs.all_ours([runs.turn(Experiment, run.pk) for run in chosen]) as ours:
        # Read inside the turn: what was true before may not be so any more.
        found = _ROWS.all(keys=listed(pk for _, pk in ours))
        if len(found) < len(chosen) or not all(map(_is_usual, found)) or len({run.project_id for run in found}) > 1:
            return None
        return _start(found, first)


def starter(load: slots.Load) -> Starter | None:
    """Has new trials begin in the step that stores them, if by the load, as it was read, they get their slots.

    None for pods: those that are launched together share requests, and their logs are waited for before they have rows.
    """
    return None if settings.CONFIG.on_cluster else partial(_start_new, load)


def _start_new(load: slots.Load, draft: Draft) -> bool:
    trials = draft.trials
    if load.version is None or len(trials) > MOST or not fairness.has_room_for(len(trials), load):
        return False
    for trial, replica in zip(trials, draft.replicas, strict=True):
        _complete(trial, replica)
    if not all(_is_usual(trial) and _waits_for_nothing(trial) for trial in trials):
        return False
    with runs.all_ours([runs.turn(Experiment, trial.pk) for trial in trials]) as ours:
        return len(ours) == len(trials) and _start(trials, held_once_more(load.version), draft) is not None


def _complete(trial: Experiment, replica: int) -> None:
    """As it would be read: with what a launch needs of others, and a number for its master replica."""
    group = trial.experiment_group
    assert group is not None
    trial.project, trial.user = group.project, group.user
    with_number(trial, replica)


def _start(waiting: Sequence[Experiment], hold: Statement, draft: Draft | None = None) -> int | None:
    """`draft`: if they are not stored yet."""
    replicas = {run.pk: as_read_or_new(run) for run in waiting}
    first, told = ([hold, *draft.besides_rows()], draft.events) if draft else ([hold], ())
    changes = [unlocked.prepare(_moves(run, replicas[run.pk]), attempts=1) for run in waiting]
    prepared = _prepared(waiting)
    if prepared is None:
        unlocked.undo(changes)
        return None
    if settings.CONFIG.on_cluster:
        open_shipments(waiting)
    tokens = [insertion([token]) for _, token in prepared if token is not None]
    if not unlocked.write(changes, durable=True, first=[*first, *tokens], told_first=told):
        return None
    for run in waiting:
        remember(run, replicas[run.pk])
    runs.submit_all([(run, spec) for run, (spec, _) in zip(waiting, prepared, strict=True)])
    return len(waiting)


def _prepared(waiting: Sequence[Experiment]) -> list[tuple[LaunchSpec, Token | None]] | None:
    """None if one of them takes two steps, the second of which says why it cannot start."""
    try:
        prepared = [launching.prepare(run) for run in waiting]
    except (launching.Refused, launching.NotYet):
        return None
    return prepared if all(_has_one_replica(spec) for spec, _ in prepared) else None


def _is_usual(run: Experiment) -> bool:
    return run.stop_requested_at is None and may_move(run, s.SCHEDULED) and launch.is_quick(run)


def _waits_for_nothing(trial: Experiment) -> bool:
    """Neither for its search to be restored, nor for an image or the end of a run whose outputs it uses."""
    group, strategy = trial.experiment_group, trial.cloning_strategy
    is_archived = group is not None and group.deleted
    return not is_archived and trial.build_job_id is None and strategy not in {"resume", "copy"}


def _has_one_replica(spec: LaunchSpec) -> bool:
    return spec.cluster is None or len(spec.cluster.replicas) == 1


def _moves(run: Experiment, replicas: Sequence[Stateful]) -> list[Move]:
    """The run's first. A replica is never starting."""
    return [*moves([run, *replicas], s.SCHEDULED), Move(run, s.STARTING)]


def _build(keys: str) -> QuerySet[Experiment]:
    return with_next_master(queue.related(Experiment).filter(pk__among=keys)).order_by("pk")


_ROWS = Prepared(_build, keys=str)
