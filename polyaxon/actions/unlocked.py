"""Changes of status of rows that were read a moment ago and are not locked.

On Postgres, outside of a transaction: that the rows are still as they were read is a condition of the statements that
change them, and what travels in one round trip is one transaction. So one does what takes five to lock, read, change
and commit, and many runs' changes take one, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError, connection

from polyaxon import events
from polyaxon.actions.statuses import Move, events_of, statements_of, wake_dependents
from polyaxon.db.durability import unsynced
from polyaxon.db.models import Event
from polyaxon.db.models.abstract import Runnable, Stateful
from polyaxon.db.writes import Statement, as_read, is_refused


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written of a run, whose rows have it already, and how they were before."""

    run: Runnable
    moves: Sequence[Move]
    statements: Sequence[Statement]
    events: Sequence[Event]
    before: Sequence[Mapping[str, Any]]

    @property
    def project(self) -> int:
        return self.run.project_id

    def undo(self) -> None:
        """Have the rows be as they were read."""
        for move, values in zip(self.moves, self.before, strict=True):
            move.row.__dict__.update(values)


def is_possible() -> bool:
    """Whether changes can be made so, here and now."""
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def prepare(moves: Sequence[Move], *, first: Sequence[Statement] = (), attempts: int = 0) -> Changes:
    """Change the rows of a run, the run's first, by moves that are allowed; `first` is written with them.

    A row may make several moves, one after the other. `attempts`: how many more the run has then.
    """
    run = moves[0].row
    assert isinstance(run, Runnable)
    before = [dict(move.row.__dict__) for move in moves]
    conditions = {id(move.row): _as_read(move.row) for move in moves}
    run.attempt += attempts
    statements = list(first)
    for key, condition in conditions.items():
        statements += statements_of([move for move in moves if id(move.row) == key], condition)
    told = [event for move in moves for event in events_of(move)]
    return Changes(run, moves, statements, told, before)


def write(
    changes: Sequence[Changes], *, durable: bool, first: Sequence[Statement] = (), told_first: Sequence[Event] = ()
) -> bool:
    """Write changes of runs of one project: all, or none, and then the rows are as they were read.

    None if one of the rows is not as it was read any more, if somebody else has stored what they are to store, if a
    webhook is to be told, or if one of the statements that are sent `first` refuses it. Without `durable` a crash of
    the database may undo it: for what can be seen again.
    """
    told = [*told_first, *(event for each in changes for event in each.events)]
    before = [*([] if durable else unsynced()), *first]
    try:
        events.store_unheard(told, first=[*before, *(statement for each in changes for statement in each.statements)])
    except (DataError, IntegrityError) as error:
        undo(changes)
        if isinstance(error, DataError) and not is_refused(error):
            raise
        return False
    done = {each.run.pk: each.run for each in changes if each.run.is_done}
    for run in done.values():
        wake_dependents(run, observed=True)
    return True


def undo(changes: Sequence[Changes]) -> None:
    """Have the rows of changes that are not to be written be as they were read."""
    for each in reversed(changes):
        each.undo()


def _as_read(row: Stateful) -> Statement:
    """That nobody has changed its state."""
    return as_read(row, ("status", "attempt", "stop_requested_at") if isinstance(row, Runnable) else ("status",))
