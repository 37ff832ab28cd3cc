"""Tokens for one use, which a run trades for a token of its own."""

from __future__ import annotations

import uuid

from django.db import models


class EphemeralToken(models.Model):
    """Only the SHA-256 of its key is stored. The first use deletes it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key_hash = models.CharField(max_length=64)
    # Whose it is and for what: `["user:<id>", "experiment:<id>"]`.
    scope = models.JSONField(default=list)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ephemeral token {self.uuid.hex}"
