"""Creations that a client repeats because the answer was lost: one row, and the first answer again.

The answer is stored in the very transaction that makes the row, so that neither exists without the other, whenever the
server is killed. Who works at a creation holds a lock that ends with its process, so that nobody waits for the dead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from polyaxon.db.advisory import held_alone
from polyaxon.db.models import IdempotencyKey, User
from polyaxon.errors import InvalidInput

_under_way: set[tuple[int, str]] = set()
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to create something under a key, or what came of it."""

    row: IdempotencyKey
    is_mine: bool


@contextmanager
def working(user: User, key: str) -> Iterator[bool]:
    """Whether nobody else, in any process, works at a creation under `key`: until the block or the process ends."""
    mine = (user.pk, key)
    with _guard:
        is_free = mine not in _under_way
        _under_way.add(mine)
    try:
        with held_alone("creation", *mine) if is_free else nullcontext(enter_result=False) as ours:
            yield ours
    finally:
        if is_free:
            _under_way.discard(mine)


def claim(user: User, key: str, digest: str, *, alone: bool) -> Claim | None:
    """Take `key` for a request with this digest, unless another one has it; None if that is just about to take it.

    `alone`: nobody else works at it, so that whoever has it and made nothing is dead (`working`).
    """
    if not alone:
        row = IdempotencyKey.objects.filter(user=user, key=key).first()
        return Claim(row, is_mine=False) if row is not None else None
    with transaction.atomic():
        row, made = IdempotencyKey.objects.get_or_create(user=user, key=key, defaults={"digest": digest})
        return Claim(row, made or _inherited(row, digest))


def _inherited(row: IdempotencyKey, digest: str) -> bool:
    """Whether whoever held the key died before it made anything. Should it live after all, it can store no answer."""
    now = timezone.now()
    dead = IdempotencyKey.objects.filter(pk=row.pk, code=None, digest=digest, created_at=row.created_at)
    mine = bool(dead.update(created_at=now))
    row.created_at = now if mine else row.created_at
    return mine


def release(row: IdempotencyKey) -> None:
    """Nothing was made: the same key may be used again."""
    IdempotencyKey.objects.filter(pk=row.pk, code=None, created_at=row.created_at).delete()


def answer(row: IdempotencyKey, code: int, body: str) -> None:
    """Store the answer, in the transaction that makes what it tells of."""
    mine = IdempotencyKey.objects.filter(pk=row.pk, code=None, created_at=row.created_at)
    if not mine.update(code=code, body=body):
        raise InvalidInput("This took so long that its key was given to another request. Try again.")


_told: ContextVar[Callable[[models.Model], Any] | None] = ContextVar("told of what is made", default=None)


@contextmanager
def told(listener: Callable[[models.Model], Any]) -> Iterator[None]:
    """Have `listener` called with every row that is made inside the block, in the transaction that makes it."""
    token = _told.set(listener)
    try:
        yield
    finally:
        _told.reset(token)


def tell(row: models.Model) -> None:
    """Whoever asked to be told is told of `row`."""
    listener = _told.get()
    if listener is not None:
        listener(row)
