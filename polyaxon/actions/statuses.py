"""The one place where a status changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from polyaxon import events
from polyaxon.db.models import (
    BuildJob,
    BuildJobStatus,
    Event,
    Experiment,
    ExperimentGroup,
    ExperimentGroupStatus,
    ExperimentJob,
    ExperimentJobStatus,
    ExperimentStatus,
    Job,
    JobStatus,
    NotebookJob,
    NotebookJobStatus,
    StatusRecord,
    TensorboardJob,
    TensorboardJobStatus,
    Token,
)
from polyaxon.db.models.abstract import Runnable, Stateful
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import (
    Statement,
    append,
    change,
    deletion,
    insertion,
    insertion_with_key,
    update,
    update_only_if,
)
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake, wake_row

_RECORDS: dict[type[Stateful], tuple[type[StatusRecord], str]] = {
    Experiment: (ExperimentStatus, "experiment"),
    ExperimentJob: (ExperimentJobStatus, "job"),
    Job: (JobStatus, "job"),
    BuildJob: (BuildJobStatus, "job"),
    NotebookJob: (NotebookJobStatus, "job"),
    TensorboardJob: (TensorboardJobStatus, "job"),
    ExperimentGroup: (ExperimentGroupStatus, "experiment_group"),
}

StatefulT = TypeVar("StatefulT", bound=Stateful)

BEFORE_LAUNCH = frozenset({s.CREATED, s.RESUMING, s.BUILDING})


@dataclass(slots=True)
class Move:
    """One change of status of a row that is locked, or that is not stored yet."""

    row: Stateful
    status: str
    message: str | None = None
    traceback: str | None = None
    details: Mapping[str, Any] | None = None
    at: datetime | None = None


def set_status(
    instance: Stateful,
    status: str,
    *,
    message: str | None = None,
    traceback: str | None = None,
    details: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    enforce: bool = True,
) -> StatusRecord | None:
    """Move `instance` to `status` and return the new record, or None when the transition is refused.

    The row is locked and read again, so two callers never decide on the same old status. `enforce=False` skips the
    table for runs that the platform does not manage: their client is the only one who knows.
    """
    with transaction.atomic(savepoint=False):
        row = lock(instance)
        record = None
        if not enforce or may_move(row, status):
            record = _move(Move(row, status, message, traceback, details, at))
        copy_state(row, instance)
        return record


def _move(move: Move) -> StatusRecord:
    """The same as `carry_out`, with the record, which has its number."""
    record = append(_record(move))
    _write([move], list(_statements(move, record, with_record=False)))
    return record


def may_move(row: Stateful, status: str) -> bool:
    """By the table; and what was launched never waits again, for it would be launched a second time."""
    again = status in BEFORE_LAUNCH and isinstance(row, Runnable) and row.attempt > 0
    return row.LIFECYCLE.can_move(row.status, status) and not again


def carry_out(moves: Sequence[Move], *, first: Sequence[Statement] = (), observed: bool = False) -> None:
    """Make changes that are allowed, of rows whose other fields are stored, in the caller's transaction.

    What becomes of a run and of its replica is written together, and what comes `first` with it: on Postgres in one
    round trip. `observed`: the run's own pass makes them, so that it needs no further one when the run is done.
    """
    if moves:
        statements = [statement for move in moves for statement in _statements(move, _record(move))]
        _write(moves, [*first, *statements], observed=observed)


def _write(moves: Sequence[Move], statements: Sequence[Statement], *, observed: bool = False) -> None:
    events.store([event for move in moves for event in events_of(move)], first=statements)
    for move in moves:
        if move.row.is_done and not isinstance(move.row, ExperimentJob):
            wake_dependents(move.row, observed=observed)


def statements_of(moves: Sequence[Move], condition: Statement) -> Iterator[Statement]:
    """Changes a row, which is stored or has its number, by what it does one after the other.

    Gives what is still to be written of it: if it meets a condition, and then once.
    """
    row, records = moves[0].row, [_record(move) for move in moves]
    fields = [name for move, record in zip(moves, records, strict=True) for name in _apply(move, record.created_at)]
    yield _saved(row, list(dict.fromkeys(fields)), condition)
    yield from _recorded(row, records)


def _statements(move: Move, record: StatusRecord, *, with_record: bool = True) -> Iterator[Statement]:
    """Changes the row, and gives what is still to be written of it.

    A row that is not stored yet is, at once if the database is to give it its number.
    """
    row, fields = move.row, _apply(move, record.created_at)
    if row._state.adding and row.pk is None:  # noqa: SLF001
        append(row)
    else:
        yield _saved(row, fields)
    yield from _recorded(row, [record] if with_record else [])


def _saved(row: Stateful, fields: Sequence[str], condition: Statement | None = None) -> Statement:
    if row._state.adding:  # noqa: SLF001
        return insertion_with_key(row)
    return update(row, fields) if condition is None else update_only_if(row, fields, condition)


def _recorded(row: Stateful, records: Sequence[StatusRecord]) -> Iterator[Statement]:
    for record in records:
        setattr(record, _RECORDS[type(row)][1], row)
    if records:
        yield insertion(records)
    if row.is_done and isinstance(row, Runnable):
        yield deletion(Token, "run", row.uuid)


def lock(instance: StatefulT) -> StatefulT:
    """The row as it is now, locked until the transaction ends."""
    return lock_by_pk(type(instance), instance.pk)


def lock_by_pk(model: type[StatefulT], pk: int) -> StatefulT:
    """The same of a row of that number."""
    row: StatefulT | None = _locked(model).first(pk=pk)
    if row is None:
        raise model.DoesNotExist(f"{model.__name__} {pk} is gone.")
    return row


@cache
def _locked(model: type[StatefulT]) -> Prepared[StatefulT]:
    return Prepared(lambda pk: model._base_manager.select_for_update(no_key=True).filter(pk=pk), pk=int)


def first_status(instance: Stateful) -> StatusRecord:
    """Record `created` of a new row."""
    return append(_first(instance))


def first_statuses(rows: Sequence[Stateful]) -> Statement:
    """The statement that records it of new rows of one kind, at least one."""
    return insertion([_first(row) for row in rows])


def _first(row: Stateful) -> StatusRecord:
    return _record(Move(row, s.CREATED, at=row.created_at))


def _record(move: Move) -> StatusRecord:
    model, relation = _RECORDS[type(move.row)]
    values: dict[str, Any] = {"status": move.status, "message": move.message, "traceback": move.traceback}
    if not move.row._state.adding:  # noqa: SLF001
        values[relation] = move.row
    values["created_at"] = move.at or timezone.now()
    if move.details is not None and relation == "job":
        values["details"] = dict(move.details)
    return model(**values)


@transaction.atomic
def reopen(instance: Stateful, *, message: str | None = None) -> StatusRecord | None:
    """Have what is done go on as `resuming`, because a person wants it; None when its kind or status does not allow it.

    The only way back from a done status.
    """
    row = lock(instance)
    if row.status not in row.LIFECYCLE.reopens:
        return None
    row.finished_at = None
    change(row, ["finished_at"])
    record = _move(Move(row, s.RESUMING, message))
    copy_state(row, instance)
    return record


def _apply(move: Move, at: datetime) -> list[str]:
    """Change the row; the names of the fields that it takes."""
    row, status = move.row, move.status
    row.status = status
    row.status_message = move.message or ""
    fields = ["status", "status_message", "updated_at"]
    if status in row.LIFECYCLE.starts and (row.started_at is None or status == s.RUNNING):
        row.started_at = at
        fields.append("started_at")
    if status in row.LIFECYCLE.done and row.finished_at is None:
        row.started_at = row.started_at or row.created_at
        row.finished_at = max(at, row.started_at)  # a clock that was set back must not make it negative
        fields += ["started_at", "finished_at"]
    if status == s.RUNNING and isinstance(row, Runnable):
        row.heartbeat_at = timezone.now()
        fields.append("heartbeat_at")
    if isinstance(row, Runnable):
        fields.append("attempt")
    return list(dict.fromkeys(fields))


def copy_state(row: Stateful, instance: Stateful) -> None:
    """Have `instance` show the state of `row`."""
    for name in ("status", "status_message", "started_at", "finished_at", "updated_at"):
        setattr(instance, name, getattr(row, name))


def events_of(move: Move) -> Iterator[Event]:
    """What is told of a change that was made, not stored yet."""
    row, status = move.row, move.status
    yield events.make("new_status", row, context={"status": status, "message": move.message or ""})
    if status in row.LIFECYCLE.done and not isinstance(row, ExperimentJob):
        yield events.make("failed" if status in row.LIFECYCLE.failed else "done", row, context={"status": status})


def wake_dependents(row: Stateful, *, observed: bool) -> None:
    """A finished run frees a slot, its group wants to know, and its runner may have something left of it.

    In one process the pass of its group gives the slot away.
    """
    group = getattr(row, "experiment_group_id", None)
    if group:
        wake("group", group)
    if not (group and settings.CONFIG.in_one_process):
        wake("dispatch")
    if not observed and not isinstance(row, ExperimentGroup):
        wake_row(row)
