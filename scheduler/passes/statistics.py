"""What Postgres knows of how much is in its tables, by which it plans.

It looks itself, a minute after a table has changed at best. On a new server, whose first search or first thousand runs
fill empty tables within seconds, it would plan until then as if they were empty.
"""

from __future__ import annotations

from django.db import connection

from polyaxon.db.server_side import answers

AT_ONCE = 20  # tables

# As autovacuum decides it by default. Large tables do not change so much so quickly, and looking at them takes longer.
_CHANGED = f"""
SELECT relname FROM pg_stat_user_tables
WHERE relid = to_regclass(quote_ident(relname)) AND relname LIKE 'db\\_%%'
  AND n_mod_since_analyze > 50 + n_live_tup / 10 AND n_live_tup < 100000
ORDER BY n_mod_since_analyze DESC LIMIT {AT_ONCE}
"""  # noqa: S608 - a number


def look_at_tables() -> list[str]:
    """Have Postgres look at those of our tables that have changed much since it did; which ones."""
    if connection.vendor != "postgresql":
        return []
    names = [str(name) for (name,) in answers(_CHANGED)]
    if names:
        tables = ", ".join(map(connection.ops.quote_name, names))
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {tables}")
    return names
