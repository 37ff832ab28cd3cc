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
