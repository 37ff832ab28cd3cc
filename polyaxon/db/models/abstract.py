"""Field groups shared by models."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models.base import ModelState
from django.utils import timezone

from polyaxon.lifecycles import Lifecycle

NAME_LENGTH = 128
BACKEND_LENGTH = 16

ModelT = TypeVar("ModelT", bound=models.Model)


class QuicklyLoaded(models.Model):
    """Loaded without the constructor, which takes most of the time that a page of rows takes."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **_: Any) -> Self:
        """Deferred are those that are not among `field_names`. No signals are sent."""
        row = cls.__new__(cls)
        row._state = state = ModelState()  # noqa: SLF001 - as the constructor does
        state.adding, state.db = False, db
        row.__dict__.update(zip(field_names, values, strict=True))
        return row


class Timestamped(QuicklyLoaded):
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Described(models.Model):
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)  # noqa: DJ001 - null on the wire
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    readme = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    tags = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True


def set_only(field: str, name: str) -> models.Index:
    """An index of the rows that have a value there: of the others none of their many changes touches it."""
    return models.Index(fields=[field], condition=models.Q(**{f"{field}__isnull": False}), name=name)


class ArchivableQuerySet(models.QuerySet[ModelT]):
    """Rows with a `deleted` flag: archived ones stay in the table until they are deleted for good."""

    def live(self) -> Self:
        return self.filter(deleted=False)

    def archived(self) -> Self:
        return self.filter(deleted=True)


class Archivable(models.Model):
    """Archived rows are hidden. Those to be deleted are archived too, until nothing of theirs runs any more."""

    deleted = models.BooleanField(default=False)
    delete_requested_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        abstract = True


class Stateful(Timestamped):
    """Something with a status. Only `actions.statuses.set_status` writes these fields."""

    LIFECYCLE: ClassVar[Lifecycle]

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(max_length=32, default="created")
    status_message = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_done(self) -> bool:
        return self.status in self.LIFECYCLE.done

    @property
    def is_stoppable(self) -> bool:
        return self.status in self.LIFECYCLE.stoppable


class ProjectItem(Stateful, Described, Archivable):
    """A stateful row of a project, made by a user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey("db.Project", on_delete=models.CASCADE, related_name="%(class)ss")
    content = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    backend = models.CharField(max_length=BACKEND_LENGTH, null=True, blank=True)  # noqa: DJ001 - null
    is_managed = models.BooleanField(default=True)
    code_reference = models.ForeignKey(
        "db.CodeReference", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    stop_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Runnable(ProjectItem):
    """A project item that the platform executes: experiments, jobs, and the kinds to come."""

    # Counts launches. A launch of the same attempt starts nothing twice; see scheduler.runners.
    attempt = models.PositiveIntegerField(default=0)
    run_env = models.JSONField(null=True, blank=True)
    data_refs = models.JSONField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # Seconds that what a finished run leaves with its runner is kept; null: the runner's own time.
    ttl = models.PositiveIntegerField(null=True, blank=True)
    # Seconds that one attempt may run; null: no limit.
    timeout = models.PositiveIntegerField(null=True, blank=True)
    # How often it may be tried again, and was: when the platform lost it, with `retries_failures` also when it failed.
    max_retries = models.PositiveIntegerField(default=0)
    retries = models.PositiveIntegerField(default=0)
    retries_failures = models.BooleanField(default=False)
    queue = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - none is no empty name
    # Of those that wait, more comes first.
    priority = models.IntegerField(default=0)
    # What its file asks for, all replicas together: `{"cpu": {"requests": 1.0, "limits": 2.0}, …}`, set keys only.
    resources = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True
