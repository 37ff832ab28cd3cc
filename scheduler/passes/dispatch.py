"""Give free slots to waiting runs, in order.

Two who did so at once would give the last slot away twice, and start more of a search than it allows. On Postgres that
is found out when the outcome is written, which fails if anybody else has given out slots since the load was read, or if
one of the runs is not as it was read any more. Then, and elsewhere, one does it at a time, under a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from typing import cast

from django.db import transaction
from django.db.models import QuerySet

from polyaxon import limits
from polyaxon.actions import unlocked
from polyaxon.actions.statuses import Move, carry_out, may_move
from polyaxon.db.lookups import listed
from polyaxon.db.models.abstract import Runnable, Stateful
from polyaxon.db.prepared import Prepared
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_all
from scheduler import turns
from scheduler.passes import dispatch_lock, fairness, queue, slots, starting
from scheduler.passes.dependents import follow_builds
from scheduler.passes.guard import guarded
from scheduler.passes.replicas import as_read_or_new, locked_rows, masters, narrow, with_next_master
from scheduler.passes.transitions import moves

AT_ONCE = 200  # SQLite bounds the values of a statement
MOST = 50  # runs whose changes are one round trip


def serve_waiting(seen: slots.Load | None = None) -> None:
    """The pass of the dispatcher. Whoever comes while one is under way need not wait for it. `seen`: as `dispatch`."""
    if seen is not None and not seen.has_work:
        return
    known = [] if seen is None else [seen]  # for who comes meanwhile it is done once more, and looked at anew
    turns.dispatches.run("dispatch", lambda: guarded(partial(_serve, known.pop() if known else None)))


def _serve(seen: slots.Load | None) -> None:
    load = seen or slots.load()
    if load.builds:
        guarded(follow_builds)
        load = slots.load()
    dispatch(load, launching=True)


def dispatch(seen: slots.Load | None = None, *, launching: bool = False) -> int:
    """Set as many waiting runs to `scheduled` as there are slots; returns how many.

    `seen`: the load a moment ago. What has come since then has a wake-up of its own. With `launching` runs may be
    launched at once, if that is quick.
    """
    load = seen or slots.load()
    served = _dispatch_services() if load.services else 0
    if _free(load.active) <= 0 or not load.is_anything_waiting:
        return served  # the usual case, without the database's write lock
    given = _give_out_as_read(load, launching=launching)
    return served + (_give_out_locked(load) if given is None else given)


def _next_runs(free: int, load: slots.Load) -> list[slots.Waiting]:
    """In the one order of locks for all who lock several runs: experiments before jobs, by number."""
    found = fairness.next_runs(free, load) if free > 0 else []
    return sorted(found, key=lambda run: (run.model.__name__, run.pk))


# -- if nobody else does --


def _give_out_as_read(load: slots.Load, *, launching: bool) -> int | None:
    """How many runs got a slot; None if it has to be done under the lock."""
    if load.version is None or not unlocked.is_possible():
        return None
    runs = _next_runs(_free(load.active), load)
    if len(runs) > MOST:
        return None
    hold = dispatch_lock.held_once_more(load.version)
    if launching and (started := starting.start(runs, hold)) is not None:
        return started
    rows = [row for model, part in groupby(runs, key=lambda run: run.model) for row in _read(model, part)]
    if len({row.project_id for row in rows}) > 1:
        return None
    wanted = [row for row in rows if row.stop_requested_at is None and may_move(row, s.SCHEDULED)]
    changes = [unlocked.prepare(moves([row, *as_read_or_new(row)], s.SCHEDULED), attempts=1) for row in wanted]
    if changes and not unlocked.write(changes, durable=False, first=[hold]):
        return None
    wake_all(wanted)
    return len(wanted)


def _read(model: type[queue.Run], runs: Iterable[slots.Waiting]) -> list[queue.Run]:
    return _rows(model).all(keys=listed(run.pk for run in runs))


@cache
def _rows(model: type[queue.Run]) -> Prepared[queue.Run]:
    def build(keys: str) -> QuerySet[queue.Run]:
        rows = cast("QuerySet[queue.Run]", model._base_manager.filter(pk__among=keys))
        return narrow(with_next_master(rows)).order_by("pk")

    return Prepared(build, keys=str)


# -- under the lock --


@transaction.atomic
def _give_out_locked(load: slots.Load) -> int:
    active = dispatch_lock.active_alone()
    # What others have given out since the load was read takes room of the searches, too.
    runs = _next_runs(_free(active), replace(load, next_trials=None))
    return sum(_schedule(runs[start : start + AT_ONCE]) for start in range(0, len(runs), AT_ONCE))


@transaction.atomic
def _dispatch_services() -> int:
    """They take no slot, so nobody is asked for one."""
    return _schedule(slots.services())


def _free(active: int) -> int:
    return limits.slots() - active


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
