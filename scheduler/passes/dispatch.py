"""Give free slots to waiting runs, in order."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from polyaxon import limits
from polyaxon.actions.statuses import Move, carry_out, lock_by_pk, may_move
from polyaxon.db.models import Experiment, PassLock
from polyaxon.db.prepared import Prepared
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_all
from scheduler.passes import fairness, slots
from scheduler.passes.queue import Run
from scheduler.passes.replicas import replica


def dispatch(seen: slots.Load | None = None) -> int:
    """Set as many waiting runs to `scheduled` as there are slots; returns how many.

    `seen`: the load a moment ago. What has come since then has a wake-up of its own.
    """
    load = seen or slots.load()
    served = _dispatch_services() if load.services else 0
    if _free(load.active) <= 0 or not load.is_anything_waiting:
        return served  # the usual case, without the database's write lock
    with transaction.atomic():
        _hold_lock()
        free = _free(slots.active())
        runs = fairness.next_runs(free, load) if free > 0 else []
        # One order of locks for all who lock several runs: experiments before jobs, by number.
        runs.sort(key=lambda run: (run.model.__name__, run.pk))
        return served + _schedule_all(runs)


@transaction.atomic
def _dispatch_services() -> int:
    """They take no slot, so nobody is asked for one."""
    return _schedule_all(slots.services())


def _free(active: int) -> int:
    return limits.slots() - active


def _hold_lock() -> None:
    """Only one process hands out slots at a time; otherwise two would give the last one away twice."""
    if _LOCK.first() is None:
        PassLock.objects.get_or_create(name="dispatch")
        _LOCK.first()


_LOCK = Prepared(lambda: PassLock.objects.select_for_update(no_key=True).filter(name="dispatch"))


def _schedule_all(waiting: Iterable[slots.Waiting]) -> int:
    rows = [row for each in waiting if (row := _schedule(each)) is not None]
    wake_all(rows)
    return len(rows)


def _schedule(waiting: slots.Waiting) -> Run | None:
    row = lock_by_pk(waiting.model, waiting.pk)
    # Read before the lock: meanwhile its user may have stopped it.
    if row.stop_requested_at is not None or not may_move(row, s.SCHEDULED):
        return None
    row.attempt += 1  # saved with the status
    moves = [Move(row, s.SCHEDULED)]
    if isinstance(row, Experiment):
        master = replica(row)
        moves += [Move(master, s.SCHEDULED)] if may_move(master, s.SCHEDULED) else []
    carry_out(moves)
    return row
