"""Accounts, the names that own things, and API tokens."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from polyaxon.db.models.abstract import Timestamped


class User(AbstractUser):
    """An account. Made by `actions.users.create_user`, which also makes its owner record."""


class Owner(Timestamped):
    """A name under which projects live."""

    name = models.CharField(max_length=150, unique=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="owner")

    def __str__(self) -> str:
        return self.name


class Token(Timestamped):
    """An API token. Only the SHA-256 of its key is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    key_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=128, blank=True, default="")
    # Names of `security.scopes.Scope`; empty: everything.
    scopes = models.JSONField(default=list)
    # A run's own token may write to that run only, and ends with it.
    run = models.UUIDField(null=True, blank=True, db_index=True)
    started_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of user {self.user_id}"
