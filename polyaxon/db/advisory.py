"""Locks that end with whoever holds them, for short work that two processes need not do at once.

Of Postgres only. Elsewhere there is one process, and locks of its threads do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

Key = tuple[object, ...]


@contextmanager
def held_alone(*key: object) -> Iterator[bool]:
    """Whether no other process has `key`, which is ours until the block, the connection or the process ends."""
    with all_held_alone([key]) as ours:
        yield bool(ours)


@contextmanager
def all_held_alone(keys: Sequence[Key]) -> Iterator[list[Key]]:
    """The same of many: those that no other process has."""
    if not keys or connection.vendor != "postgresql" or settings.CONFIG.in_one_process:
        yield list(keys)
        return
    numbers = {_number(key): key for key in keys}
    taken = [number for number, ours in _ask("pg_try_advisory_lock", list(numbers)) if ours]
    try:
        yield [numbers[number] for number in taken]
    finally:
        _release(taken)


def _release(numbers: list[int]) -> None:
    """Whatever happens: the connection, and with it the locks, may live on for long."""
    try:
        if numbers:
            _ask("pg_advisory_unlock", numbers)
    except BaseException:
        connection.close()
        raise


def _number(key: Key) -> int:
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big", signed=True)


def _ask(function: str, numbers: Sequence[int]) -> list[tuple[int, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT number, {function}(number) FROM unnest(%s::bigint[]) AS number", [list(numbers)])  # noqa: S608
        return [(int(number), bool(answer)) for number, answer in cursor.fetchall()]
