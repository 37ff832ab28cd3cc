"""Projects."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from polyaxon import options
from polyaxon.actions import runs
from polyaxon.actions.names import check_name
from polyaxon.actions.repeats import tell
from polyaxon.actions.revisions import tell_searches_of
from polyaxon.actions.tags import clean_tags, merge_tags
from polyaxon.db.models import (
    BuildJob,
    Experiment,
    ExperimentGroup,
    Job,
    NotebookJob,
    Owner,
    Project,
    TensorboardJob,
    User,
)
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.security.permissions import creating_owners
from polyaxon.wakeups import wake

ITEMS: tuple[type[runs.Item], ...] = (ExperimentGroup, Experiment, Job, BuildJob, NotebookJob, TensorboardJob)


def create_project(user: User, name: str, *, owner: str | None = None, **fields: Any) -> Project:
    """A new project of `user`, or of the organization `owner`.

    Raises `InvalidInput` when the name is wrong or taken, by an archived one too, or the owner is not theirs to use.
    """
    check_name(name)
    holder = _owner(user, owner)
    fields["tags"] = clean_tags(fields.get("tags"))
    try:
        with transaction.atomic():
            project = Project.objects.create(user=user, owner=holder, name=name, **fields)
            emit("created", project, actor=user)
            tell(project)
    except IntegrityError as error:
        whose = "You have" if holder.user_id == user.pk else f"{holder.name} has"
        raise InvalidInput(f"{whose} a project named {name} already. Choose another name.") from error
    return project


def _owner(user: User, name: str | None) -> Owner:
    if not name or name == user.username:
        if not options.value("ALLOW_USER_OWNERSHIP"):
            raise InvalidInput("Users own no projects here. Create it for an organization.", field="owner")
        return user.owner
    owner = Owner.objects.filter(creating_owners(user), name=name).first()
    if owner is None:
        raise InvalidInput(f"You may not create projects for {name}. Its owners may.", field="owner")
    return owner


def update_project(project: Project, user: User, changes: dict[str, Any], *, merge: bool = False) -> Project:
    """Apply `changes`; with `merge` tags are added instead of replaced."""
    if "name" in changes:
        check_name(changes["name"])
    if "tags" in changes:
        changes["tags"] = merge_tags(project.tags if merge else None, changes["tags"])
    for key, value in changes.items():
        setattr(project, key, value)
    try:
        with transaction.atomic():
            project.save(update_fields=[*changes, "updated_at"])
            emit("updated", project, actor=user)
    except IntegrityError as error:
        raise InvalidInput(f"You have a project named {project.name} already. Choose another name.") from error
    return project


def archive_project(project: Project, user: User, *, delete: bool = False) -> None:
    """Hide a project with its items and stop what runs; with `delete` they go for good once nothing runs."""
    _archive_project(project, user, delete=delete)
    tell_searches_of(project)


@transaction.atomic
def _archive_project(project: Project, user: User, *, delete: bool) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"deleted": True, "updated_at": now}
    if delete:
        values["delete_requested_at"] = now
    Project.objects.filter(pk=project.pk).update(**values)
    _archive_items(project, user, values)
    emit("deleted" if delete else "archived", project, actor=user)
    wake("dispatch")


def _archive_items(project: Project, user: User | None, values: dict[str, Any]) -> None:
    for model in ITEMS:
        rows = model.objects.filter(project=project)
        for item in rows.exclude(status__in=model.LIFECYCLE.done).order_by("pk"):
            runs.request_stop(item, user)
        rows.update(**values)


def archive_strays() -> None:
    """Archive what was added to a project at the very moment when that was archived."""
    strays = [Exists(model.objects.filter(project=OuterRef("pk"), deleted=False)) for model in ITEMS]
    for project in Project.objects.filter(reduce(or_, strays), deleted=True):
        with transaction.atomic():
            row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
            if row.deleted:
                _archive_items(row, None, {"deleted": True, "delete_requested_at": row.delete_requested_at})
        tell_searches_of(project)


def restore_project(project: Project, user: User) -> None:
    """Show an archived project again, with all of its items. Raises `InvalidInput` for one that is being deleted."""
    _restore_project(project, user)
    tell_searches_of(project)


@transaction.atomic
def _restore_project(project: Project, user: User) -> None:
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if row.delete_requested_at is not None:
        raise InvalidInput("The project is being deleted for good, and cannot be restored any more.")
    Project.objects.filter(pk=project.pk).update(deleted=False, updated_at=timezone.now())
    for model in ITEMS:
        model.objects.filter(project=project, delete_requested_at=None).update(deleted=False)
    emit("restored", project, actor=user)
