"""Webhooks of projects, and the outbox of what they are to be told."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.projects import Project

URL_LENGTH = 2000


class Webhook(Timestamped):
    """An address that is told of a project's events. The secret is stored encrypted."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    url = models.CharField(max_length=URL_LENGTH)
    secret = models.TextField()
    events = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class WebhookDelivery(models.Model):
    """One event for one webhook: written with the event, sent until it is taken or given up."""

    PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_type = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=16, default=PENDING)
    attempts = models.PositiveIntegerField(default=0)
    # When it is due; while it is being sent, when it is due if the sender dies.
    due_at = models.DateTimeField(default=timezone.now)
    response_code = models.PositiveIntegerField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "due_at"], name="delivery_status_due")]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
