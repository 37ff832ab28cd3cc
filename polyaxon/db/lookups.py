"""Lookups of our own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BigAutoField, CharField, PositiveIntegerField, UUIDField
from django.db.models.lookups import Lookup


@BigAutoField.register_lookup
@CharField.register_lookup
@PositiveIntegerField.register_lookup
@UUIDField.register_lookup
class Among(Lookup):
    """`pk__among=listed(keys)`: the same as `in` by a text that does not change with the number of keys."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lhs, parameters = self.process_lhs(compiler, connection)
        return is_among(lhs, self.lhs.output_field.db_type(connection)), (*parameters, self.rhs)


def is_among(column: str, kind: str) -> str:
    """The condition in SQL, with one value, which `listed` makes. `kind`: the column's type."""
    if connection.vendor == "postgresql":
        # What the planner cannot look into it plans once for all: for one key it would find another plan a little
        # cheaper than for any keys, and so plan anew each time, which takes longer than to run it.
        return f"{column} = ANY((SELECT %s::{kind}[])::{kind}[])"
    return f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - a column's name


def listed(keys: Iterable[int | str | UUID]) -> str:
    """The value for it."""
    text = json.dumps([key.hex if isinstance(key, UUID) else key for key in keys], ensure_ascii=False)
    # An array of Postgres is written as one of JSON, but for its brackets.
    return f"{{{text[1:-1]}}}" if connection.vendor == "postgresql" else text
