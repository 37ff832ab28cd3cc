"""Statements that the database has planned before, and connections that know nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import NotSupportedError, connection

from polyaxon.db import server_side

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRES = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server")


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE things (id integer, name varchar(20))")
        cursor.execute("INSERT INTO things VALUES (1, 'one'), (2, '100 %')")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE things")


def ask(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        server_side.run(cursor, [(sql, values)])
        return list(cursor.fetchall())


def known() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def test_answers_are_those_of_the_statement() -> None:
    for _ in range(10):  # from the sixth on Postgres may use one plan for all values
        assert ask("SELECT name FROM things WHERE id = %s", 1) == [("one",)]
        assert ask("SELECT id FROM things WHERE name LIKE '%%\\%%' ESCAPE '\\' AND id < %s AND id > %s", 9, 1) == [(2,)]
        assert ask("SELECT COUNT(*) FROM things") == [(2,)]
    assert ask("SELECT name FROM things WHERE id = %s", None) == []


def test_several_statements_are_executed_in_order() -> None:
    with connection.cursor() as cursor:
        server_side.run(
            cursor,
            [
                ("INSERT INTO things VALUES (%s, %s)", [3, "%s; it's"]),
                ("UPDATE things SET id = %s WHERE id = %s", [4, 3]),
                ("SELECT id, name FROM things WHERE id > %s", [2]),
            ],
        )
        assert cursor.fetchall() == [(4, "%s; it's")]


@ON_POSTGRES
def test_a_statement_is_prepared_once_for_each_connection() -> None:
    sql = "SELECT name FROM things WHERE id = %s AND id <> 77"
    for _ in range(2):
        for _ in range(3):
            assert ask(sql, 2) == [("100 %",)]
        assert len([text for text in known() if "id <> 77" in text]) == 1
        connection.close()


@ON_POSTGRES
def test_the_planner_prefers_indexes_unless_somebody_has_tuned_it() -> None:
    def cost(given: str = "") -> str:
        connection.close()
        if given:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('random_page_cost', %s, false)", [given])
        ask("SELECT name FROM things WHERE id = %s AND id <> 80", 1)
        with connection.cursor() as cursor:
            cursor.execute("SHOW random_page_cost")
            return str(cursor.fetchone()[0])

    assert [cost(), cost("2"), cost("4"), cost()] == ["1.1", "2", "1.1", "1.1"]
    connection.close()


@ON_POSTGRES
def test_a_failure_leaves_it_usable() -> None:
    sql = "SELECT 10 / id FROM things WHERE id - %s = 0 OR 1 / (id - %s) > 5"
    for _ in range(2):
        with pytest.raises(Exception, match="division by zero"):
            ask(sql, 3, 1)
        assert ask(sql, 3, 7) == []


@ON_POSTGRES
def test_a_changed_table_costs_one_failure_at_most() -> None:
    sql = "SELECT id FROM things ORDER BY id"
    assert ask(sql) == [(1,), (2,)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE things ALTER COLUMN id TYPE varchar(9)")
    with pytest.raises(NotSupportedError):
        ask(sql)
    assert ask(sql) == [("1",), ("2",)]


@ON_POSTGRES
def test_nothing_is_prepared_where_a_pooler_shares_connections(settings: Any) -> None:
    database = settings.CONFIG.database.model_copy(update={"db_prepared_statements": False})
    settings.CONFIG = replace(settings.CONFIG, database=database)
    connection.close()
    assert ask("SELECT name FROM things WHERE id = %s AND id <> 78", 1) == [("one",)]
    assert known() == []
    connection.close()


@ON_POSTGRES
def test_what_was_planned_for_an_empty_table_is_planned_anew() -> None:
    connection.close()
    sql = "SELECT COUNT(*) FROM things WHERE id = 79"

    def plan() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE %s", ["%id = 79"])
            cursor.execute(f"EXPLAIN EXECUTE {cursor.fetchone()[0]}")
            return str(cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE things SET (autovacuum_enabled = false)")
        cursor.execute("CREATE INDEX things_id ON things (id)")
        cursor.execute("ANALYZE things")
    assert ask(sql) == [(0,)]
    kept = server_side.database().__dict__["_prepared_statements"].plans
    kept.made += 1000
    assert "Seq Scan" in plan()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO things SELECT number, 'many' FROM generate_series(100, 30000) number")
    assert ask(sql) == [(0,)]
    assert "Seq Scan" in plan(), "Postgres itself does not notice"
    kept.made -= 2000
    assert ask(sql) == [(0,)]
    assert "things_id" in plan()


def test_plans_are_kept_twice_as_long_each_time() -> None:
    plans = server_side.Plans(0.0)
    made = [now for now in range(1500) if plans.are_old(now)]
    assert made == [1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111, 1411]
