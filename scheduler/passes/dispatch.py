"""Give free slots to waiting runs, in order."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models import Experiment, ExperimentJob, PassLock
from polyaxon.db.models.abstract import Runnable
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_row
from scheduler.passes import queue


def dispatch() -> int:
    """Set as many waiting runs to `scheduled` as there are slots; returns how many."""
    if _free() <= 0 or not queue.waiting(1):
        return 0  # the usual case, without the database's write lock
    with transaction.atomic():
        _hold_lock()
        free = _free()
        runs = queue.waiting(free) if free > 0 else []
        # One order of locks for all who lock several runs: experiments before jobs, by number.
        runs.sort(key=lambda run: (type(run).__name__, run.pk))
        return sum(_schedule(run) for run in runs)


def _free() -> int:
    return int(settings.CONFIG.slots) - queue.count_active()


def _hold_lock() -> None:
    """Only one process hands out slots at a time; otherwise two would give the last one away twice."""
    PassLock.objects.get_or_create(name="dispatch")
    PassLock.objects.select_for_update(no_key=True).get(name="dispatch")


def _schedule(run: queue.Run) -> bool:
    row = lock(run)
    assert isinstance(row, Runnable)
    # Read before the lock: meanwhile its user may have stopped it.
    if row.stop_requested_at is not None or set_status(run, s.SCHEDULED) is None:
        return False
    run.attempt = row.attempt + 1
    run.save(update_fields=["attempt", "updated_at"])
    if isinstance(run, Experiment):
        set_status(replica(run), s.SCHEDULED)
    wake_row(run)
    return True


def replica(experiment: Experiment) -> ExperimentJob:
    """The master replica's row."""
    uuid = ExperimentJob.replica_uuid(experiment.uuid, ExperimentJob.MASTER, 0)
    # The runner starts one process for the whole experiment, so all that its file asks for is this one's.
    new = {"experiment": experiment, "resources": experiment.resources}
    row, _ = ExperimentJob.objects.get_or_create(uuid=uuid, defaults=new)
    return row
