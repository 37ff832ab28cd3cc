"""Give free slots to waiting runs, in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.db import connection, transaction

from polyaxon import limits
from polyaxon.actions.statuses import Move, carry_out, may_move
from polyaxon.db import server_side
from polyaxon.db.models import PassLock
from polyaxon.db.models.abstract import Runnable, Stateful
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_all
from scheduler.passes import fairness, slots
from scheduler.passes.replicas import locked_rows, masters

AT_ONCE = 200  # SQLite bounds the values of a statement


def dispatch(seen: slots.Load | None = None) -> int:
    """Set as many waiting runs to `scheduled` as there are slots; returns how many.

    `seen`: the load a moment ago. What has come since then has a wake-up of its own.
    """
    load = seen or slots.load()
    served = _dispatch_services() if load.services else 0
    if _free(load.active) <= 0 or not load.is_anything_waiting:
        return served  # the usual case, without the database's write lock
    with transaction.atomic():
        free = _free(_active_alone())
        runs = fairness.next_runs(free, load) if free > 0 else []
        # One order of locks for all who lock several runs: experiments before jobs, by number.
        runs.sort(key=lambda run: (run.model.__name__, run.pk))
        return served + sum(_schedule(runs[start : start + AT_ONCE]) for start in range(0, len(runs), AT_ONCE))


@transaction.atomic
def _dispatch_services() -> int:
    """They take no slot, so nobody is asked for one."""
    return _schedule(slots.services())


def _free(active: int) -> int:
    return limits.slots() - active


def _active_alone() -> int:
    """How many runs hold a slot, once no other process hands out any: two would give the last one away twice."""
    while True:
        with connection.cursor() as cursor:
            server_side.run(cursor, [(_lock_text(), ()), (f"{slots.ACTIVE}, {_IS_LOCKED}", ())])
            ((active, is_locked),) = cursor.fetchall()
        if is_locked:
            return int(active)
        PassLock.objects.get_or_create(name="dispatch")


_ROW = f"SELECT 1 FROM {PassLock._meta.db_table} WHERE name = 'dispatch'"  # noqa: S608
_IS_LOCKED = f"EXISTS ({_ROW})"


def _lock_text() -> str:
    """On SQLite the transaction itself has the only lock there is."""
    return f"{_ROW} FOR NO KEY UPDATE" if connection.features.has_select_for_update else _ROW


def _schedule(chosen: Sequence[slots.Waiting]) -> int:
    scheduled: list[Stateful] = []
    for model, runs in groupby(chosen, key=lambda run: run.model):
        rows = locked_rows(model, [run.pk for run in runs])
        # Read before the lock: meanwhile its user may have stopped it.
        wanted = [row for row in rows if row.stop_requested_at is None and may_move(row, s.SCHEDULED)]
        for row in wanted:
            row.attempt += 1  # saved with the status
        wake_all(wanted)
        scheduled += [*wanted, *(row for row in masters(wanted) if may_move(row, s.SCHEDULED))]
    carry_out([Move(row, s.SCHEDULED) for row in scheduled])
    return sum(isinstance(row, Runnable) for row in scheduled)
