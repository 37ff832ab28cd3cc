"""Answers to creations, kept for clients that ask again because the first answer was lost."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

KEY_LENGTH = 255


class IdempotencyKey(models.Model):
    """One creation under a key of its client. Without a code it is under way."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=KEY_LENGTH)
    # Of method, address and body: the same key for something else is a mistake of the client.
    digest = models.CharField(max_length=64)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, default="")  # JSON, as it was sent
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_user_key")]

    def __str__(self) -> str:
        return self.key
