"""Values of rows as the database takes them.

Django prepares each value by half a dozen calls, also those that are already as they are to be sent, which nearly all
of ours are. Those are told by their type, and only the others go its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    FloatField,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
    UUIDField,
)

# Of exactly these classes: others, also those made from them, may prepare their values in ways of their own. What is
# not here is always left to Django. The numbers' classes differ in their range only, which the database checks.
_AS_THEY_ARE: dict[type[Field[Any, Any]], type] = {
    BooleanField: bool,
    CharField: str,
    DateTimeField: datetime,
    FloatField: float,
    TextField: str,
    UUIDField: UUID,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field, with what is known of its values beforehand."""

    field: Field[Any, Any]
    name: str  # of the row's attribute
    plain: type | None  # a value of exactly this type is sent as it is; on SQLite not every one
    portable: bool  # also there
    changes: bool  # by saving, as the time of the last change does
    tells_creation: bool  # changes by the first saving only

    @classmethod
    def of(cls, field: Field[Any, Any]) -> Column:
        plain = _plain(field)
        changes = type(field).pre_save not in {Field.pre_save, DateTimeField.pre_save} or _sets_itself(field)
        is_created = bool(getattr(field, "auto_now_add", False))
        return cls(field, field.attname, plain, plain not in {datetime, UUID}, changes, is_created)


def saved(columns: Sequence[Column], row: Model, database: BaseDatabaseWrapper, *, add: bool) -> list[Any]:
    """The values that saving `row` sends; it changes the row as saving does.

    But for the time when a new row was made: what it has already, of an earlier time that it was to be stored, stays.
    """
    is_postgres, values = database.vendor == "postgresql", []
    for column in columns:
        is_made = column.tells_creation and getattr(row, column.name) is not None
        value = column.field.pre_save(row, add) if column.changes and not is_made else getattr(row, column.name)
        if not _is_ready(column, value, is_postgres):
            value = column.field.get_db_prep_save(value, database)
        values.append(value)
    return values


def read(columns: Sequence[Column], row: Model, database: BaseDatabaseWrapper) -> list[Any]:
    """The values as a condition compares with them."""
    is_postgres, values = database.vendor == "postgresql", []
    for column in columns:
        value = getattr(row, column.name)
        if not _is_ready(column, value, is_postgres):
            value = column.field.get_db_prep_value(value, database)
        values.append(value)
    return values


def _is_ready(column: Column, value: Any, is_postgres: bool) -> bool:
    if value is None:
        return column.plain is not None
    if type(value) is not column.plain or not (is_postgres or column.portable):
        return False
    return column.plain is not datetime or cast("datetime", value).tzinfo is not None


def _plain(field: Field[Any, Any]) -> type | None:
    if isinstance(field, ForeignKey):
        return _plain(field.target_field)
    return int if isinstance(field, IntegerField) else _AS_THEY_ARE.get(type(field))


def _sets_itself(field: Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))
