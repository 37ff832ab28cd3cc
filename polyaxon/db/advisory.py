"""Locks that end with whoever holds them, for short work that two processes need not do at once.

Of Postgres only. Elsewhere there is one process, and locks of its threads do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection


@contextmanager
def held_alone(*key: object) -> Iterator[bool]:
    """Whether no other process has `key`, which is ours until the block, the connection or the process ends."""
    if connection.vendor != "postgresql" or settings.CONFIG.broker.broker_backend == "memory":
        yield True
        return
    number = int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big", signed=True)
    ours = _ask("pg_try_advisory_lock", number)
    try:
        yield ours
    finally:
        if ours:
            _ask("pg_advisory_unlock", number)


def _ask(function: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [number])
        return bool(cursor.fetchone()[0])
