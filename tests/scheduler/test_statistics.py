"""Postgres is told to look at tables that a new server has just filled."""

from __future__ import annotations

import pytest
from django.db import connection

from polyaxon.db.models import ActivityLog
from scheduler.passes.statistics import look_at_tables
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite plans without looking"),
]
TABLE = ActivityLog._meta.db_table


@pytest.fixture(autouse=True)
def _only_this_test_looks() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} SET (autovacuum_enabled = false)")
        cursor.execute(f"ANALYZE {TABLE}")


def fill(number: int) -> None:
    user = make_user()
    ActivityLog.objects.bulk_create(ActivityLog(event_type="x", actor=user, object_id=1) for _ in range(number))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")


def estimated() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::int FROM pg_class WHERE relname = %s", [TABLE])
        return int(cursor.fetchone()[0])


def test_what_has_changed_much_is_looked_at_once() -> None:
    before = ActivityLog.objects.count()
    fill(200)
    assert TABLE in look_at_tables()
    assert estimated() == before + 200
    fill(0)
    assert TABLE not in look_at_tables()


def test_what_has_changed_little_is_left_alone() -> None:
    fill(20)
    assert TABLE not in look_at_tables()
