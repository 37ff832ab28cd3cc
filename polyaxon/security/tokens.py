"""API tokens: random keys of which only the hash is stored."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from polyaxon import options
from polyaxon.db.models import Token, User
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import append


def issue(
    user: User,
    *,
    run: uuid.UUID | None = None,
    scopes: list[str] | None = None,
    name: str = "",
    expires: datetime | None = None,
) -> str:
    """Make a token of `user` and return its key (64 hex digits), which is not stored.

    Without `scopes` (names of `security.scopes.SCOPES`) it allows all that its user may do. With `run` the token reads
    what its user reads, writes to that run alone, and is deleted when the run ends.
    """
    return create(user, run=run, scopes=scopes, name=name, expires=expires)[0]


def create(
    user: User,
    *,
    run: uuid.UUID | None = None,
    scopes: list[str] | None = None,
    name: str = "",
    expires: datetime | None = None,
) -> tuple[str, Token]:
    """The same, with the row. Tokens of the user that have expired go."""
    now = timezone.now()
    if run is None:
        Token.objects.filter(user=user, expires_at__lte=now).delete()
        expires = expires or now + timedelta(days=options.value("TTL:TOKEN"))
    key, token = draft(user, run=run)
    token.name, token.scopes, token.started_at, token.expires_at = name, scopes or [], now, expires
    return key, append(token)


def draft(user: User, *, run: uuid.UUID | None = None) -> tuple[str, Token]:
    """A key and its row, which is worth nothing until it is stored."""
    key = secrets.token_hex(32)
    return key, Token(user=user, key_hash=digest(key), name="", scopes=[], run=run, started_at=timezone.now())


def revoke_all(user: User, *, but: Token | None = None) -> None:
    """Delete the tokens of `user`, apart from one and from those of runs, which end with their runs."""
    rows = Token.objects.filter(user=user, run=None)
    (rows.exclude(pk=but.pk) if but else rows).delete()


_TOKEN_COLUMNS = ("scopes", "run", "expires_at")
_USER_COLUMNS = ("username", "email", "is_active", "is_staff", "is_superuser")


def _by_hash(key_hash: str) -> QuerySet[Token]:
    rows = Token.objects.select_related("user").only(*_TOKEN_COLUMNS, *(f"user__{name}" for name in _USER_COLUMNS))
    return rows.filter(key_hash=key_hash)


# Every request does this.
_FIND = Prepared(_by_hash, key_hash=str)


def find(key: str) -> Token | None:
    """The token of `key` if it has not expired and its user is active."""
    token = _FIND.first(key_hash=digest(key))
    if token is None or not token.user.is_active:
        return None
    expired = token.expires_at is not None and token.expires_at <= timezone.now()
    return None if expired else token


def digest(key: str) -> str:
    """Keys are random, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
