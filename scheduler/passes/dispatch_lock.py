"""The lock of those who give out slots."""

from __future__ import annotations

from django.db import connection

from polyaxon.db import server_side
from polyaxon.db.durability import unsynced
from polyaxon.db.models import PassLock
from polyaxon.db.writes import Statement
from scheduler.passes import slots

_LOCKS = PassLock._meta.db_table
_HOLD = f"UPDATE {_LOCKS} SET version = version + 1 WHERE name = 'dispatch'"  # noqa: S608
_HOLD_AT = f"WITH held AS ({_HOLD} AND version = %s RETURNING 1) SELECT 1 / COUNT(*) FROM held"  # noqa: S608
_IS_LOCKED = f"EXISTS (SELECT 1 FROM {_LOCKS} WHERE name = 'dispatch')"  # noqa: S608


def held_once_more(version: int) -> Statement:
    """Takes the lock, and fails by `writes.is_refused` if anybody has had it since."""
    return Statement(_HOLD_AT, [version])


def active_alone() -> int:
    """How many runs hold a slot, once no other process hands out any.

    The commit waits for no disk: a slot that is forgotten by a crash is given out again.
    """
    while True:
        with connection.cursor() as cursor:
            server_side.run(cursor, [*unsynced(), (_HOLD, ()), (f"{slots.ACTIVE}, {_IS_LOCKED}", ())])
            ((active, is_locked),) = cursor.fetchall()
        if is_locked:
            return int(active)
        PassLock.objects.get_or_create(name="dispatch")
