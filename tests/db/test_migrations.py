"""Migrations keep what is stored."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

# Cut off in the middle, it would leave the database to the tests after it as it then is.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def newest() -> Iterator[None]:
    """The database is as the code wants it, whatever happened to the test."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def one_by_one(database: BaseDatabaseWrapper) -> MigrationExecutor:
    """What takes every migration for itself, not those together that replace some."""
    executor = MigrationExecutor(database)
    executor.loader = MigrationLoader(database, replace_migrations=False)
    return executor


def migrated(name: str) -> Any:
    """The models as they were after the migration `name`, to which the database goes."""
    executor = one_by_one(connection)
    executor.migrate([("db", name)])
    return executor.loader.project_state([("db", name)]).apps


@pytest.mark.usefixtures("newest")
def test_series_learn_their_projects() -> None:
    apps = migrated("0003_spec")
    user = apps.get_model("db", "User").objects.create(username="ann")
    owner = apps.get_model("db", "Owner").objects.create(name="ann", user=user)
    project = apps.get_model("db", "Project").objects.create(name="p", owner=owner, user=user)
    experiment = apps.get_model("db", "Experiment").objects.create(project=project, user=user)
    old = apps.get_model("db", "MetricSeries")
    old.objects.create(run=experiment.uuid, experiment=experiment, name="loss", last=0.5, last_time=timezone.now())
    old.objects.create(run=uuid.uuid4(), kind="resource", name="cpu_percent", last_time=timezone.now())
    new = migrated("0004_scale").get_model("db", "MetricSeries")
    assert dict(new.objects.values_list("name", "project")) == {"loss": project.pk, "cpu_percent": None}


@contextmanager
def another_database() -> Iterator[BaseDatabaseWrapper]:
    """An empty one on the same server, which Django knows by its name, since it keeps there what was applied."""
    name, is_file = f"test_{uuid.uuid4().hex}", connection.vendor == "sqlite"
    with tempfile.TemporaryDirectory() as folder, connection.cursor() as cursor:
        settings = {**connection.settings_dict, "NAME": f"{folder}/{name}" if is_file else name}
        if not is_file:
            cursor.execute(f"CREATE DATABASE {name}")
        connections[name] = other = type(connections[connection.alias])(settings, alias=name)
        try:
            yield other
        finally:
            other.close()
            del connections[name]
            if not is_file:
                cursor.execute(f"DROP DATABASE {name}")


def described(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """The tables of a database, but for the order of their columns."""
    found = {}
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            columns = database.introspection.get_table_description(cursor, table)
            constraints = database.introspection.get_constraints(cursor, table)
            found[table] = ({column.name: column for column in columns}, named(constraints), written(cursor, table))
    return found


def named(constraints: dict[str, Any]) -> dict[str, Any]:
    """SQLite numbers some of them as they come."""
    are_numbered = ("__unnamed", "fk_")
    numbered = [json.dumps(one) for name, one in constraints.items() if name.startswith(are_numbered)]
    rest = {name: one for name, one in constraints.items() if not name.startswith(are_numbered)}
    return {**rest, "": sorted(numbered)}


def written(cursor: Any, table: str) -> list[Any]:
    """Indexes as the database writes them, with their conditions."""
    sql = "SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY 1"
    if connection.vendor == "sqlite":
        sql = "SELECT sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index' ORDER BY 1"
    cursor.execute(sql, [table])
    return [sql for (sql,) in cursor.fetchall()]


def test_a_new_database_is_like_one_that_took_every_step() -> None:
    with another_database() as new, another_database() as old:
        executor = MigrationExecutor(new)
        executor.migrate(executor.loader.graph.leaf_nodes())
        executor = one_by_one(old)
        leaves = executor.loader.graph.leaf_nodes()
        executor.migrate([each for each in leaves if "squashed" not in each[1]])
        was, now = described(old), described(new)
        assert len(now) > 50
        assert now == was
        # And what comes next finds nothing left to do there.
        executor = MigrationExecutor(old)
        assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_a_database_of_before_takes_the_rest() -> None:
    with another_database() as old:
        one_by_one(old).migrate([("db", "0013_fewer_indexes")])
        executor = MigrationExecutor(old)
        executor.migrate(executor.loader.graph.leaf_nodes())
        assert MigrationExecutor(old).loader.detect_conflicts() == {}
        with another_database() as new:
            executor = MigrationExecutor(new)
            executor.migrate(executor.loader.graph.leaf_nodes())
            assert described(old) == described(new)
