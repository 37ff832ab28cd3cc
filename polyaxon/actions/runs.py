"""What all kinds of runs have in common: stopping, archiving, deleting, heartbeats."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from polyaxon.actions.revisions import tell_of_ended, tell_of_members
from polyaxon.actions.statuses import lock, set_status
from polyaxon.actions.tags import merge_tags
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, TensorboardJob, User
from polyaxon.db.models.abstract import ProjectItem, Runnable
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake, wake_row

Item = Experiment | ExperimentGroup | Job | BuildJob | NotebookJob | TensorboardJob

# Kinds of run whose processes or pods the platform has started once they are past these.
NOT_STARTED = frozenset({s.CREATED, s.RESUMING})
# The same of what needs the image of a build, and waits for that.
WAITING = NOT_STARTED | {s.BUILDING}


@transaction.atomic
def request_stop(item: ProjectItem, user: User | None = None, *, message: str = "Stopped by a user.") -> bool:
    """Ask for `item` to end. What has not started, or is not managed, is stopped at once.

    Returns False when it is done already. The wish is stored, so a stop is not lost when nobody is there to act on it.
    """
    row = lock(item)
    assert isinstance(row, ProjectItem)
    if row.is_done or _is_selection(row):
        return False
    if row.stop_requested_at is None:
        row.stop_requested_at = timezone.now()
        row.save(update_fields=["stop_requested_at", "updated_at"])
        emit("stopped", row, actor=user)
    if isinstance(row, ExperimentGroup) and row.is_managed:
        set_status(row, s.STOPPING, message=message)
    elif row.status in WAITING or not row.is_managed:
        set_status(row, s.STOPPED, message=message)
    wake_row(row)
    item.refresh_from_db()
    return True


def _is_selection(row: ProjectItem) -> bool:
    """A set that a person put together: nothing of it runs."""
    return isinstance(row, ExperimentGroup) and row.group_type == ExperimentGroup.SELECTION


def archive(item: Item, user: User | None, *, delete: bool = False) -> None:
    """Hide `item` (a group with its experiments) and stop it; with `delete` it goes for good once it has ended."""
    _archive(item, user, delete=delete)
    tell_of_members(item)


@transaction.atomic
def _archive(item: Item, user: User | None, *, delete: bool) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"deleted": True, "updated_at": now}
    if delete:
        values["delete_requested_at"] = now
    request_stop(item, user)
    type(item).objects.filter(pk=item.pk).update(**values)
    if isinstance(item, ExperimentGroup):
        for experiment in item.experiments.exclude(status__in=EXPERIMENT.done).order_by("pk"):
            request_stop(experiment, user)
        item.experiments.update(**values)
    emit("deleted" if delete else "archived", item, actor=user)
    wake("dispatch")


def restore(item: Item, user: User) -> None:
    """Show an archived item again. Raises `InvalidInput` for one that is being deleted."""
    _restore(item, user)
    tell_of_members(item)


@transaction.atomic
def _restore(item: Item, user: User) -> None:
    row = lock(item)
    assert isinstance(row, ProjectItem)
    if row.delete_requested_at is not None:
        raise InvalidInput("It is being deleted for good, and cannot be restored any more.")
    type(item).objects.filter(pk=item.pk).update(deleted=False, updated_at=timezone.now())
    if isinstance(item, ExperimentGroup):
        item.experiments.filter(delete_requested_at=None).update(deleted=False)
    emit("restored", item, actor=user)


def update(item: Item, user: User | None, changes: dict[str, Any], *, merge: bool = False) -> None:
    """Change descriptive fields. With `merge` tags are added, and objects (params, data_refs) merged key by key."""
    try:
        _update(item, user, changes, merge=merge)
    except IntegrityError as error:
        raise InvalidInput("Another one of this name was made at the same moment. Try again.") from error
    if isinstance(item, Experiment) and "params" in changes:
        tell_of_ended(item)


@transaction.atomic
def _update(item: Item, user: User | None, changes: dict[str, Any], *, merge: bool) -> None:
    row = lock(item)
    assert isinstance(row, ProjectItem)
    if row.status not in row.LIFECYCLE.pending and changes.get("is_managed", row.is_managed) != row.is_managed:
        raise InvalidInput("Who runs it cannot change once it has started.", field="is_managed")
    if changes.get("content", row.content) != row.content and not (row.is_done or row.status in row.LIFECYCLE.pending):
        raise InvalidInput("It is under way with the file that it has. Change it after its end.", field="content")
    for key, value in changes.items():
        setattr(item, key, _merged(getattr(row, key), value, key) if merge else value)
    item.save(update_fields=[*changes, "updated_at"])
    emit("updated", item, actor=user)
    if "is_managed" in changes:
        wake("dispatch")


def _merged(present: Any, value: Any, key: str) -> Any:
    if key == "tags":
        return merge_tags(present, value)
    if isinstance(present, dict) and isinstance(value, dict):
        return {**present, **value}
    return value


def beat(run: Runnable) -> None:
    """A sign of life."""
    type(run)._base_manager.filter(pk=run.pk).update(heartbeat_at=timezone.now())
