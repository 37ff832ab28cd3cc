"""Give free slots to waiting runs, in order."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentJob, PassLock
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_row
from scheduler.passes import queue


def dispatch() -> int:
    """Set as many waiting runs to `scheduled` as there are slots; returns how many."""
    if not queue.waiting(1):
        return 0
    with transaction.atomic():
        _hold_lock()
        free = settings.CONFIG.runner.local_concurrency - queue.count_active()
        runs = queue.waiting(free) if free > 0 else []
        for run in runs:
            _schedule(run)
    return len(runs)


def _hold_lock() -> None:
    """Only one process hands out slots at a time; otherwise two would give the last one away twice."""
    PassLock.objects.get_or_create(name="dispatch")
    PassLock.objects.select_for_update().get(name="dispatch")


def _schedule(run: queue.Run) -> None:
    if set_status(run, s.SCHEDULED) is None:
        return
    run.attempt += 1
    run.save(update_fields=["attempt", "updated_at"])
    if isinstance(run, Experiment):
        set_status(replica(run), s.SCHEDULED)
    wake_row(run)


def replica(experiment: Experiment) -> ExperimentJob:
    """The master replica's row."""
    uuid = ExperimentJob.replica_uuid(experiment.uuid, ExperimentJob.MASTER, 0)
    row, _ = ExperimentJob.objects.get_or_create(uuid=uuid, defaults={"experiment": experiment})
    return row
