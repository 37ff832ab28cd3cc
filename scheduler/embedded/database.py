"""A Postgres database belongs to one embedded server at a time, as a data folder does.

The runs of a server are processes of its machine, kept in its data folder. A second server on the same database, with
another folder, would find none of them there and take them for lost, or start them again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error as AnyDatabaseError
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

PATIENCE = 5.0  # seconds that Postgres may need to notice the death of the server before
_LOCK = 7_106_431_019_284_551  # any number that nobody else locks in this database


class DatabaseUnusable(Exception):
    """One sentence for the person who started the server."""


@contextmanager
def claim_database() -> Iterator[None]:
    """Hold the database until the block, or the process, ends."""
    if connection.vendor != "postgresql":
        yield  # the database is a file; who has the data folder has it
        return
    own = connection.copy()
    try:
        _wait_for_lock(own)
        yield
    finally:
        own.close()


def _wait_for_lock(own: BaseDatabaseWrapper) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _try_lock(own):
        if time.monotonic() > deadline:
            raise DatabaseUnusable(
                f"The database {own.settings_dict['NAME']} is in use by another server. "
                "Stop it, or choose another database with POLYAXON_DB_NAME."
            )
        time.sleep(0.1)


def _try_lock(own: BaseDatabaseWrapper) -> bool:
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            return bool(cursor.fetchone()[0])
    except AnyDatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        raise DatabaseUnusable(f"The database does not answer: {reason}. See the POLYAXON_DB_ settings.") from error
