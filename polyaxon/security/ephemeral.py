"""Tokens for one use: whoever starts a run hands it one, and the run trades it for its own token.

On the wire: base64 of `<key>XEPH:<uuid>`. A check consumes the token, right or wrong, so there is nothing to try twice.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import uuid
from datetime import timedelta

from django.utils import timezone

from polyaxon import options
from polyaxon.db.models import EphemeralToken, Experiment
from polyaxon.security.tokens import digest

SEPARATOR = "XEPH:"


def scope_of(experiment: Experiment) -> list[str]:
    """What a token for `experiment` is good for."""
    return [f"user:{experiment.user_id}", f"experiment:{experiment.pk}"]


def issue(scope: list[str]) -> str:
    """Make a token and return its wire form, which is not stored."""
    key = secrets.token_hex(32)
    life = timedelta(seconds=options.value("TTL:EPHEMERAL_TOKEN"))
    token = EphemeralToken.objects.create(key_hash=digest(key), scope=scope, expires_at=timezone.now() + life)
    return base64.b64encode(f"{key}{SEPARATOR}{token.uuid.hex}".encode()).decode()


def consume(wire: str) -> list[str] | None:
    """The scope of the token, or None if it is wrong, expired or used. It is gone after this."""
    parts = _parts(wire)
    if parts is None:
        return None
    key, identifier = parts
    token = EphemeralToken.objects.filter(uuid=identifier).first()
    # Of two that come at once only one deletes the row.
    if token is None or not EphemeralToken.objects.filter(pk=token.pk).delete()[0]:
        return None
    right = hmac.compare_digest(token.key_hash, digest(key)) and token.expires_at > timezone.now()
    return list(token.scope) if right else None


def _parts(wire: str) -> tuple[str, uuid.UUID] | None:
    try:
        key, separator, identifier = base64.b64decode(wire, validate=True).decode().partition(SEPARATOR)
        return (key, uuid.UUID(identifier)) if separator else None
    except (binascii.Error, ValueError):
        return None
