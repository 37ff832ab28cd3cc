"""Statements that are built once and run many times.

Building the SQL of a query with a few joins takes Django several times as long as running it. A prepared query is
built the first time it runs, with markers in place of its values, and afterwards only its SQL is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable, get_related_populators

from polyaxon.db import server_side

M = TypeVar("M", bound=Model)

Converters = Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
_PLACEHOLDER = re.compile("%[s%]")
_LARGEST = 2**63 - 1
# No constant of a query: of those that are prepared none has numbers of this size.
_FIRST_MARKER = 1_907_346_101


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of the value `name` among the parameters of the SQL."""

    name: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    parameters: Sequence[Any]  # _Slot or a constant of the query
    model: type[Model]
    fields: Sequence[str]
    start: int
    end: int
    annotations: Mapping[str, int]
    converters: Converters
    populators: Sequence[Any]

    def bound(self, values: Mapping[str, int | str]) -> list[Any]:
        return [values[part.name] if isinstance(part, _Slot) else part for part in self.parameters]

    def objects(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        for row in self._converted(rows):
            found = self.model.from_db(connection.alias, self.fields, row[self.start : self.end])
            for populator in self.populators:
                populator.populate(row, found)
            for name, place in self.annotations.items():
                setattr(found, name, row[place])
            yield found

    def _converted(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[list[Any]]:
        for row in map(list, rows):
            for place, convert, expression in self.converters:
                for one in convert:
                    row[place] = one(row[place], expression, connection)
            yield row


class Prepared(Generic[M]):
    """Rows of a model, found by values that differ from call to call.

    `build` makes the queryset from keyword arguments, which `kinds` names with their types, `int` or `str`. It sees
    markers, not values: what it decides must not depend on them, nor on anything that changes.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], **kinds: type[int | str]) -> None:
        self._build = build
        self._markers = {name: kind(_FIRST_MARKER + place) for place, (name, kind) in enumerate(kinds.items())}
        self._compiled: dict[str, _Compiled | None] = {}

    def all(self, **values: int | str) -> list[M]:
        """All rows. Raises KeyError when a value is missing."""
        if connection.vendor not in self._compiled:
            self._compiled[connection.vendor] = self._compile()
        compiled = self._compiled[connection.vendor]
        if compiled is None or not all(_exists(value) for value in values.values()):
            return []
        with connection.cursor() as cursor:
            server_side.run(cursor, [(compiled.sql, compiled.bound(values))])
            return list(compiled.objects(cursor.fetchall()))

    def first(self, **values: int | str) -> M | None:
        """The first row, if there is any."""
        return next(iter(self.all(**values)), None)

    def _compile(self) -> _Compiled | None:
        rows = self._build(**self._markers)
        if rows._prefetch_related_lookups or rows._iterable_class is not ModelIterable:  # type: ignore[attr-defined]  # noqa: SLF001
            raise TypeError("Only queries for objects, without prefetch, can be prepared.")
        compiler = rows.query.get_compiler(connection=connection)
        try:
            sql, parameters = compiler.as_sql()
        except EmptyResultSet:
            return None
        info = compiler.klass_info
        if connection.vendor == "postgresql":
            sql, parameters = self._with_literals(sql, parameters)
        places = info["select_fields"]
        select = compiler.select
        start, end = places[0], places[-1] + 1
        converters = compiler.get_converters([column[0] for column in select])
        return _Compiled(
            sql=sql,
            parameters=self._slots(parameters),
            model=info["model"],
            fields=[column[0].target.attname for column in select[start:end]],
            start=start,
            end=end,
            annotations=dict(compiler.annotation_col_map or {}),
            converters=[(place, functions, expression) for place, (functions, expression) in converters.items()],
            populators=get_related_populators(info, select, connection.alias),  # type: ignore[call-arg]
        )

    def _with_literals(self, sql: str, parameters: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """With the constants in the text: a plan for any values is as good as one for these, and is made once."""
        left = iter(parameters)
        markers: list[Any] = []
        with connection.cursor() as cursor:

            def placed(found: re.Match[str]) -> str:
                if found[0] == "%%":
                    return found[0]
                value = next(left)
                if self._is_marker(value):
                    markers.append(value)
                    return found[0]
                literal: str = cursor.mogrify("%s", [value]).decode()
                return literal.replace("%", "%%")

            return _PLACEHOLDER.sub(placed, sql), markers

    def _is_marker(self, value: Any) -> bool:
        return _may_be_marker(value) and value in self._markers.values()

    def _slots(self, parameters: Sequence[Any]) -> list[Any]:
        names = {marker: name for name, marker in self._markers.items()}
        slots = [_Slot(names[part]) if _may_be_marker(part) and part in names else part for part in parameters]
        if missing := set(self._markers) - {slot.name for slot in slots if isinstance(slot, _Slot)}:
            raise TypeError(f"The query does not use {', '.join(sorted(missing))} as it is.")
        return slots


def _exists(value: int | str) -> bool:
    """Whether any column could hold the value: databases refuse larger numbers, and Postgres texts with NUL."""
    return "\x00" not in value if isinstance(value, str) else abs(value) <= _LARGEST


def _may_be_marker(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)
