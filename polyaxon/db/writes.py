"""Inserts and updates whose SQL is built once, and that travel together where the database takes several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DatabaseError, connection
from django.db.models import Field, Model

from polyaxon.db import columns, server_side
from polyaxon.db.columns import Column
from polyaxon.db.server_side import database

M = TypeVar("M", bound=Model)
# What a statement fails with that is to undo those that are sent with it: no other of ours divides.
_DIVISION_BY_ZERO = "22012"


class Statement(NamedTuple):
    """SQL with its values. It may have to wait for others that go the same way, but not longer than its transaction."""

    sql: str
    values: Sequence[Any]


def append(row: M) -> M:
    """Insert a new row of a model that has one table and an id of the database's, and return it with the id."""
    append_all([row])
    return row


def append_all(rows: Sequence[M], also: str = "", *parameters: Any, first: Sequence[Statement] = ()) -> list[Any]:
    """Insert new rows of one such model with one statement; they get their ids.

    `also`: an expression that the database answers for each row, the same in all calls for this model but for its
    `parameters`. Its values are returned, or else None for each row. For few rows: each number of them is a statement
    of its own. `first`: statements that are executed before it, on Postgres in the same round trip.
    """
    if not rows:
        execute(first)
        return []
    answers = execute([*first, insertion(rows, also, *parameters)])
    for row, (key, *_) in zip(rows, answers, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as saving does
    return [answer[1] for answer in answers]


def insertion(rows: Sequence[Model], also: str = "", *parameters: Any) -> Statement:
    """The statement that inserts new rows of one model, at least one."""
    table, ours = _table(type(rows[0])), database()
    values = [value for row in rows for value in columns.saved(table.columns, row, ours, add=True)]
    return Statement(table.insertion(len(rows), also), [*values, *parameters])


def insertion_with_key(row: Model) -> Statement:
    """The statement that inserts a new row whose number was asked for before. The row counts as stored from now on."""
    table = _table(type(row))
    values = columns.saved(table.columns, row, database(), add=True)
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as saving does
    return Statement(table.insertion_with_key(), [row.pk, *values])


def update(row: Model, names: Sequence[str]) -> Statement:
    """The statement that saves these fields of a row that is stored, by the names of their attributes."""
    known = tuple(names)
    values = columns.saved(_columns(type(row), known), row, database(), add=False)
    return Statement(_update(type(row), known), [*values, row.pk])


def as_read(row: Model, names: Sequence[str]) -> Statement:
    """A condition, with its values: a row is as this one, in these fields."""
    known = _columns(type(row), tuple(names))
    values = columns.read(known, row, database())
    return Statement(_same(tuple(str(column.field.column) for column in known)), values)


def update_only_if(row: Model, names: Sequence[str], condition: Statement) -> Statement:
    """The same as `update`; it fails, by `is_refused`, when no such row meets a condition. On Postgres."""
    sql, values = update(row, names)
    return Statement(_only_if(sql, condition.sql), [*values, *condition.values])


def is_refused(error: DatabaseError) -> bool:
    """Whether it comes of a statement that was to undo those that were sent with it."""
    return getattr(error.__cause__, "pgcode", None) == _DIVISION_BY_ZERO


def deletion(model: type[Model], name: str, value: Any) -> Statement:
    """The statement that deletes the rows of this value; of a model on which no other's rows depend."""
    field, quote = _field(model, name), connection.ops.quote_name
    sql = f"DELETE FROM {quote(model._meta.db_table)} WHERE {quote(str(field.column))} = %s"  # noqa: S608
    return Statement(sql, [field.get_db_prep_value(value, connection)])


def change(row: Model, names: Sequence[str]) -> None:
    """Save these fields of a row that is stored."""
    execute([update(row, names)])


def execute(statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
    """What the last one answers, if it is one that answers. On Postgres in one round trip.

    There, outside of a transaction, they are a transaction of their own.
    """
    if not statements:
        return []
    with database().cursor() as cursor:
        server_side.run(cursor, statements)
        return list(cursor.fetchall()) if cursor.description else []


@lru_cache(maxsize=5000)
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


@lru_cache(maxsize=500)
def _columns(model: type[Model], names: tuple[str, ...]) -> Sequence[Column]:
    return [Column.of(_field(model, name)) for name in names]


@lru_cache(maxsize=500)
def _update(model: type[Model], names: tuple[str, ...]) -> str:
    meta, quote = model._meta, connection.ops.quote_name
    changes = ", ".join(f"{quote(str(_field(model, name).column))} = %s" for name in names)
    return f"UPDATE {quote(meta.db_table)} SET {changes} WHERE {quote(str(meta.pk.column))} = %s"  # noqa: S608


@lru_cache(maxsize=500)
def _same(columns: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    return " AND ".join(f"{quote(column)} IS NOT DISTINCT FROM %s" for column in columns)


@lru_cache(maxsize=500)
def _only_if(change: str, condition: str) -> str:
    return f"WITH changed AS ({change} AND {condition} RETURNING 1) SELECT 1 / COUNT(*) FROM changed"  # noqa: S608


@dataclass(frozen=True, eq=False)
class _Table:
    model: type[Model]
    columns: Sequence[Column]

    @lru_cache(maxsize=500)  # noqa: B019 - there is one table for each model, and for good
    def insertion(self, count: int, also: str) -> str:
        meta, quote = self.model._meta, connection.ops.quote_name
        names = ", ".join(quote(str(column.field.column)) for column in self.columns)
        row = f"({', '.join(['%s'] * len(self.columns))})"
        rows = ", ".join([row] * count)
        key = quote(str(meta.pk.column))
        insert = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES {rows}"  # noqa: S608
        return f"{insert} RETURNING {key}, {also or 'NULL'}"

    @lru_cache(maxsize=500)  # noqa: B019 - as above
    def insertion_with_key(self) -> str:
        meta, quote = self.model._meta, connection.ops.quote_name
        names = ", ".join(quote(str(name)) for name in (meta.pk.column, *(each.field.column for each in self.columns)))
        marks = ", ".join(["%s"] * (len(self.columns) + 1))
        return f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608


@cache
def _table(model: type[Model]) -> _Table:
    meta = model._meta
    if meta.parents or meta.auto_field is None:
        raise TypeError(f"{model.__name__} has no table or id of its own.")
    fields = [field for field in meta.local_concrete_fields if field is not meta.auto_field]
    return _Table(model, [Column.of(field) for field in fields])
