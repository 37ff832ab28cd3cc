"""Commits that do not wait for the disk.

For what would be written again if it were lost: what was observed can be observed once more, and what a pass decided by
rows follows from them once more. A commit that waits takes those before it along, so whatever has to be durable before
something is done outside, such as that an attempt begins, only has to wait itself. A crash of Postgres can cost the
last few tenths of a second of such changes; a crash of ours costs none.
"""

from __future__ import annotations

from django.db import connection

from polyaxon.db.writes import Statement

_UNSYNCED = Statement("SELECT set_config('synchronous_commit', 'off', true)", ())


def unsynced() -> list[Statement]:
    """What, sent with other statements, has their transaction's commit not wait. SQLite's never does."""
    return [_UNSYNCED] if connection.vendor == "postgresql" else []
