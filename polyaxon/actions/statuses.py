"""The one place where a status changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from polyaxon.db.models import (
    BuildJob,
    BuildJobStatus,
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
from polyaxon.db.prepared import append
from polyaxon.events import emit
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

BEFORE_LAUNCH = frozenset({s.CREATED, s.RESUMING, s.BUILDING})


@transaction.atomic
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
    row = lock(instance)
    if enforce and not _may_move(row, status):
        _copy_state(row, instance)
        return None
    record = _record(row, status, message, traceback, details, at)
    _apply(row, status, message, record.created_at)
    _copy_state(row, instance)
    _announce(row, status, message)
    return record


@transaction.atomic
def reopen(instance: Stateful, *, message: str | None = None) -> StatusRecord | None:
    """Have what is done go on as `resuming`, because a person wants it; None when its kind or status does not allow it.

    The only way back from a done status.
    """
    row = lock(instance)
    if row.status not in row.LIFECYCLE.reopens:
        return None
    record = _record(row, s.RESUMING, message, None, None, None)
    row.finished_at = None
    row.save(update_fields=["finished_at"])
    _apply(row, s.RESUMING, message, record.created_at)
    _copy_state(row, instance)
    _announce(row, s.RESUMING, message)
    return record


def _may_move(row: Stateful, status: str) -> bool:
    """By the table; and what was launched never waits again, for it would be launched a second time."""
    again = status in BEFORE_LAUNCH and isinstance(row, Experiment | Job) and row.attempt > 0
    return row.LIFECYCLE.can_move(row.status, status) and not again


def lock(instance: Stateful) -> Stateful:
    """The row as it is now, locked until the transaction ends."""
    manager = type(instance)._base_manager
    return manager.select_for_update(no_key=True).get(pk=instance.pk)


def first_status(instance: Stateful) -> StatusRecord:
    """Record `created` of a new row."""
    return _record(instance, s.CREATED, None, None, None, instance.created_at)


def first_statuses(rows: Sequence[Stateful]) -> None:
    """The same of many new rows of one kind, with one statement."""
    if rows:
        model, relation = _RECORDS[type(rows[0])]
        records = [model(**{relation: row, "status": s.CREATED, "created_at": row.created_at}) for row in rows]
        model._default_manager.bulk_create(records)


def _record(
    row: Stateful,
    status: str,
    message: str | None,
    traceback: str | None,
    details: Mapping[str, Any] | None,
    at: datetime | None,
) -> StatusRecord:
    model, relation = _RECORDS[type(row)]
    values: dict[str, Any] = {relation: row, "status": status, "message": message, "traceback": traceback}
    values["created_at"] = at or timezone.now()
    if details is not None and relation == "job":
        values["details"] = dict(details)
    return append(model(**values))


def _apply(row: Stateful, status: str, message: str | None, at: datetime) -> None:
    row.status = status
    row.status_message = message or ""
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
    row.save(update_fields=fields)


def _copy_state(row: Stateful, instance: Stateful) -> None:
    for name in ("status", "status_message", "started_at", "finished_at", "updated_at"):
        setattr(instance, name, getattr(row, name))


def _announce(row: Stateful, status: str, message: str | None) -> None:
    emit("new_status", row, context={"status": status, "message": message or ""})
    if not row.is_done:
        return
    if isinstance(row, Runnable):
        Token.objects.filter(run=row.uuid).delete()
    if not isinstance(row, ExperimentJob):
        emit("failed" if status in row.LIFECYCLE.failed else "done", row, context={"status": status})
        _wake_dependents(row)


def _wake_dependents(row: Stateful) -> None:
    """A finished run frees a slot, and its group wants to know."""
    wake("dispatch")
    group = getattr(row, "experiment_group_id", None)
    if group:
        wake("group", group)
    if not isinstance(row, ExperimentGroup):
        wake_row(row)
