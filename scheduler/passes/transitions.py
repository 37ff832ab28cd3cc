"""Changes of a run's status that its own pass makes, and with it of its master replica's.

The pass has read the rows a moment ago, and mostly nothing has happened to them since. So it does not lock them first:
the change is written on the condition that they are still as they were read, and only if it was refused are they
locked and read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from itertools import groupby

from django.db import transaction

from polyaxon.actions import unlocked
from polyaxon.actions.statuses import Move, carry_out, copy_state, lock, may_move
from polyaxon.db.models import Experiment, ExperimentJob, Token
from polyaxon.db.models.abstract import Stateful
from polyaxon.db.writes import append, insertion
from polyaxon.lifecycles import tables as s
from scheduler.passes.queue import Run
from scheduler.passes.replicas import as_read, remember, replica

_gathered: ContextVar[list[unlocked.Changes] | None] = ContextVar("gathered", default=None)


class Unsettled(Exception):
    """Rows have changed since they were read, so that some of the changes gathered for them were not made."""


@contextmanager
def gathered() -> Iterator[None]:
    """Gathers what `move` does within the block, and writes it at its end: those of one project in one round trip.

    Raises Unsettled; whoever observes the runs once more, one by one, then does what is left. Where changes need locks
    each is made at once.
    """
    if not unlocked.is_possible():
        yield
        return
    changes: list[unlocked.Changes] = []
    token = _gathered.set(changes)
    try:
        yield
    finally:
        _gathered.reset(token)
    _write(changes)


def _write(changes: list[unlocked.Changes]) -> None:
    """In the one order of locks for all who lock several runs: by kind and number."""
    changes.sort(key=lambda each: (each.project, type(each.run).__name__, each.run.pk))
    projects = groupby(changes, key=lambda each: each.project)
    written = [unlocked.write(list(group), durable=False) for _, group in projects]
    if not all(written):
        raise Unsettled


def begin(run: Run, token: Token | None, at: datetime) -> bool:
    """Have the row say that its attempt begins, unless there is no such attempt any more, or it is to be stopped.

    Durably, before the runner is told: the run's first request finds its token. A stop that comes after this finds an
    active run, which the next pass ends. One whose start has failed before keeps the warning that says so, until it
    starts.
    """
    return _begin_as_read(run, token, at) or _begin_locked(run, token, at)


def _begin_as_read(run: Run, token: Token | None, at: datetime) -> bool:
    is_usual = run.status == s.SCHEDULED and run.stop_requested_at is None and may_move(run, s.STARTING)
    if not (is_usual and unlocked.is_possible()):
        return False
    first = [insertion([token])] if token else []
    return unlocked.write([unlocked.prepare([Move(run, s.STARTING, at=at)], first=first)], durable=True)


@transaction.atomic(savepoint=False)
def _begin_locked(run: Run, token: Token | None, at: datetime) -> bool:
    row = lock(run)
    wanted = row.attempt == run.attempt and not row.is_done and row.stop_requested_at is None
    if wanted and row.status != s.WARNING and may_move(row, s.STARTING):
        carry_out([Move(row, s.STARTING, at=at)], first=[insertion([token])] if token else ())
    elif wanted and token:
        append(token)
    copy(row, run)
    return wanted


def move(run: Run, status: str, *, message: str | None = None, at: datetime | None = None) -> bool:
    """Set the run's status; an experiment's master replica has the same, as far as replicas know it.

    What was seen of one attempt says nothing of the next: False if that has begun. Else the run has its present state.
    """
    return _move_as_read(run, status, message, at) or _move_locked(run, status, message, at)


def _move_as_read(run: Run, status: str, message: str | None, at: datetime | None) -> bool:
    rows = as_read(run)
    if rows is None or not unlocked.is_possible() or not may_move(run, status):
        return False
    changes, others = unlocked.prepare(moves(rows, status, message, at)), _gathered.get()
    if others is not None:
        others.append(changes)
    elif not unlocked.write([changes], durable=False):
        return False
    remember(run, rows)
    return True


@transaction.atomic(savepoint=False)
def _move_locked(run: Run, status: str, message: str | None, at: datetime | None) -> bool:
    row = lock(run)
    if row.attempt != run.attempt:
        return False
    rows: list[Stateful] = [row, replica(row)] if isinstance(row, Experiment) else [row]
    carry_out(moves(rows, status, message, at), observed=True)
    copy(row, run)
    remember(run, rows)
    return True


def moves(rows: Sequence[Stateful], status: str, message: str | None = None, at: datetime | None = None) -> list[Move]:
    """Of those that may; a replica is never starting."""
    known = [row for row in rows if status != s.STARTING or not isinstance(row, ExperimentJob)]
    return [Move(row, status, message, at=not_before(row, at)) for row in known if may_move(row, status)]


def not_before(row: Stateful, at: datetime | None) -> datetime | None:
    """The time that was observed, but none before the row began or was made: a cluster tells whole seconds."""
    return max(at, row.started_at or row.created_at) if at else None


def copy(row: Run, run: Run) -> None:
    """Have `run` show the state of its row."""
    copy_state(row, run)
    run.stop_requested_at = row.stop_requested_at
