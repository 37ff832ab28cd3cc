"""Inserts and updates whose SQL is built once, and that travel together where the database takes several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Field, Model

from polyaxon.db import server_side

M = TypeVar("M", bound=Model)


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
    table = _table(type(rows[0]))
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in table.fields
    ]
    return Statement(table.insertion(len(rows), also), [*values, *parameters])


def update(row: Model, names: Sequence[str]) -> Statement:
    """The statement that saves these fields of a row that is stored, by the names of their attributes."""
    fields = [_field(type(row), name) for name in names]
    values = [field.get_db_prep_save(field.pre_save(row, add=False), connection) for field in fields]
    return Statement(_update(type(row), tuple(names)), [*values, row.pk])


def deletion(model: type[Model], name: str, value: Any) -> Statement:
    """The statement that deletes the rows of this value; of a model on which no other's rows depend."""
    field, quote = _field(model, name), connection.ops.quote_name
    sql = f"DELETE FROM {quote(model._meta.db_table)} WHERE {quote(str(field.column))} = %s"  # noqa: S608
    return Statement(sql, [field.get_db_prep_value(value, connection)])


def change(row: Model, names: Sequence[str]) -> None:
    """Save these fields of a row that is stored."""
    execute([update(row, names)])


def execute(statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
    """Run them, on Postgres in one round trip. What the last one answers, if it is one that answers."""
    if not statements:
        return []
    with connection.cursor() as cursor:
        server_side.run(cursor, statements)
        return list(cursor.fetchall()) if cursor.description else []


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


@lru_cache(maxsize=500)
def _update(model: type[Model], names: tuple[str, ...]) -> str:
    meta, quote = model._meta, connection.ops.quote_name
    columns = ", ".join(f"{quote(str(_field(model, name).column))} = %s" for name in names)
    return f"UPDATE {quote(meta.db_table)} SET {columns} WHERE {quote(str(meta.pk.column))} = %s"  # noqa: S608


@dataclass(frozen=True, eq=False)
class _Table:
    model: type[Model]
    fields: Sequence[Field[Any, Any]]

    @lru_cache(maxsize=500)  # noqa: B019 - there is one table for each model, and for good
    def insertion(self, count: int, also: str) -> str:
        meta, quote = self.model._meta, connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in self.fields)
        row = f"({', '.join(['%s'] * len(self.fields))})"
        rows = ", ".join([row] * count)
        key = quote(str(meta.pk.column))
        insert = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES {rows}"  # noqa: S608
        return f"{insert} RETURNING {key}, {also or 'NULL'}"


@cache
def _table(model: type[Model]) -> _Table:
    meta = model._meta
    if meta.parents or meta.auto_field is None:
        raise TypeError(f"{model.__name__} has no table or id of its own.")
    return _Table(model, [field for field in meta.local_concrete_fields if field is not meta.auto_field])
