"""What happened: the outbox of events and the activity log drawn from it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from polyaxon.db.models.abstract import set_only
from polyaxon.db.models.projects import Project


class EventFields(models.Model):
    event_type = models.CharField(max_length=64)
    subject = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.event_type} {self.object_id}"


class Event(EventFields):
    """Written in the transaction of the change that it tells of, so neither exists without the other."""

    is_heard = True  # False: when it was stored nobody outside was to be told of its project's events

    class Meta:
        indexes = [set_only("actor", "event_actor")]  # most are nobody's doing


class ActivityLog(EventFields):
    """The events that people see in a project's history."""

    class Meta:
        indexes = [set_only("actor", "activity_actor")]
