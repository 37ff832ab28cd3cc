"""What all kinds of runs have in common: stopping, archiving, deleting, heartbeats."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from polyaxon.actions.statuses import lock, set_status
from polyaxon.actions.tags import merge_tags
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, TensorboardJob, User
from polyaxon.db.models.abstract import ProjectItem, Runnable
from polyaxon.events import emit
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake, wake_row

Item = Experiment | ExperimentGroup | Job | BuildJob | NotebookJob | TensorboardJob

# Kinds of run whose processes or pods the platform has started once they are past these.
NOT_STARTED = frozenset({s.CREATED, s.RESUMING})


@transaction.atomic
def request_stop(item: ProjectItem, user: User | None = None, *, message: str = "Stopped by a user.") -> bool:
    """Ask for `item` to end. What has not started, or is not managed, is stopped at once.

    Returns False when it is done already. The wish is stored, so a stop is not lost when nobody is there to act on it.
    """
    row = lock(item)
    assert isinstance(row, ProjectItem)
    if row.is_done:
        return False
    if row.stop_requested_at is None:
        row.stop_requested_at = timezone.now()
        row.save(update_fields=["stop_requested_at", "updated_at"])
        emit("stopped", row, actor=user)
    if isinstance(row, ExperimentGroup):
        set_status(row, s.STOPPING, message=message)
    elif row.status in NOT_STARTED or not row.is_managed:
        set_status(row, s.STOPPED, message=message)
    wake_row(row)
    item.refresh_from_db()
    return True


@transaction.atomic
def archive(item: Item, user: User | None, *, delete: bool = False) -> None:
    """Hide `item` (a group with its experiments) and stop it; with `delete` it goes for good once it has ended."""
    now = timezone.now()
    values: dict[str, Any] = {"deleted": True, "updated_at": now}
    if delete:
        values["delete_requested_at"] = now
    request_stop(item, user)
    type(item).objects.filter(pk=item.pk).update(**values)
    if isinstance(item, ExperimentGroup):
        for experiment in item.experiments.all():
            request_stop(experiment, user)
        item.experiments.update(**values)
    emit("deleted" if delete else "archived", item, actor=user)
    wake("dispatch")


@transaction.atomic
def restore(item: Item, user: User) -> None:
    """Show an archived item again."""
    type(item).objects.filter(pk=item.pk).update(deleted=False, updated_at=timezone.now())
    if isinstance(item, ExperimentGroup):
        item.experiments.update(deleted=False)
    emit("restored", item, actor=user)


@transaction.atomic
def update(item: Item, user: User | None, changes: dict[str, Any], *, merge: bool = False) -> None:
    """Change descriptive fields. With `merge` tags are added, and objects (params, data_refs) merged key by key."""
    row = lock(item)
    for key, value in changes.items():
        setattr(item, key, _merged(getattr(row, key), value, key) if merge else value)
    item.save(update_fields=[*changes, "updated_at"])
    emit("updated", item, actor=user)


def _merged(present: Any, value: Any, key: str) -> Any:
    if key == "tags":
        return merge_tags(present, value)
    if isinstance(present, dict) and isinstance(value, dict):
        return {**present, **value}
    return value


def beat(run: Runnable) -> None:
    """A sign of life."""
    type(run)._base_manager.filter(pk=run.pk).update(heartbeat_at=timezone.now())
