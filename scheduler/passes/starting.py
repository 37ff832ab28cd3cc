"""Few waiting runs at once get their slots and are launched, in one step.

In two steps each run is read and written twice. Runs that anything has to be copied for, that cannot be prepared, or
that somebody else is at take the two, and so do many at once: whoever waits for the next slots waits for the launches
here.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models import QuerySet

from polyaxon.actions import unlocked
from polyaxon.actions.log_shipments import open_shipments
from polyaxon.actions.statuses import Move, may_move
from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment
from polyaxon.db.models.abstract import Stateful
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import Statement, insertion
from polyaxon.lifecycles import tables as s
from scheduler import launch
from scheduler.passes import launching, queue, runs
from scheduler.passes.replicas import as_read_or_new, remember, with_next_master
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


def _start(waiting: Sequence[Experiment], first: Statement) -> int | None:
    replicas = {run.pk: as_read_or_new(run) for run in waiting}
    changes = [unlocked.prepare(_moves(run, replicas[run.pk]), attempts=1) for run in waiting]
    try:
        prepared = [launching.prepare(run) for run in waiting]
    except (launching.Refused, launching.NotYet):
        return None  # said by the second step
    if not all(_has_one_replica(spec) for spec, _ in prepared):
        return None
    if settings.CONFIG.on_cluster:
        open_shipments(waiting)
    tokens = [insertion([token]) for _, token in prepared if token is not None]
    if not unlocked.write(changes, durable=True, first=[first, *tokens]):
        return None
    for run in waiting:
        remember(run, replicas[run.pk])
    runs.submit_all([(run, spec) for run, (spec, _) in zip(waiting, prepared, strict=True)])
    return len(waiting)


def _is_usual(run: Experiment) -> bool:
    return run.stop_requested_at is None and may_move(run, s.SCHEDULED) and launch.is_quick(run)


def _has_one_replica(spec: LaunchSpec) -> bool:
    return spec.cluster is None or len(spec.cluster.replicas) == 1


def _moves(run: Experiment, replicas: Sequence[Stateful]) -> list[Move]:
    """The run's first. A replica is never starting."""
    return [*moves([run, *replicas], s.SCHEDULED), Move(run, s.STARTING)]


def _build(keys: str) -> QuerySet[Experiment]:
    return with_next_master(queue.related(Experiment).filter(pk__among=keys)).order_by("pk")


_ROWS = Prepared(_build, keys=str)
