"""Serializers for the rows of long lists: what depends on the class alone is found out once, not per request or row."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from rest_framework import serializers
from rest_framework.fields import SkipField, is_simple_callable

from api.fields import TimeField
from api.page_fields import BookmarkedField, UsernameField

Field = serializers.Field[Any, Any, Any, Any]
Fields = dict[str, Field]


class KeptFields(serializers.Serializer[Any]):
    """Comes before the serializer class that makes the fields; these must depend on the class alone.

    Making them asks the model about every column, which takes longer than serializing a row.
    """

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: TimeField,
    }
    _kept: ClassVar[Fields | None] = None
    _plan: _Plan | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._kept = None

    def get_fields(self) -> Fields:
        cls = type(self)
        kept = cls._kept
        if kept is None:
            kept = cls._kept = super().get_fields()
        return {name: _copied(field) for name, field in kept.items()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """What the framework's own makes, without asking each field of each row what kind it is."""
        if self._plan is None:
            self._plan = _planned([field for field in self.fields.values() if not field.write_only])
        names, columns, others, uncertain = self._plan
        shown = Shown(zip(names, columns(instance), strict=False))
        shown.uncertain = uncertain
        for name, field, get, show in others:
            try:
                value = get(instance)
            except (AttributeError, KeyError, ObjectDoesNotExist):
                try:
                    value = field.get_attribute(instance)
                except SkipField:
                    del shown[name]
                    continue
            shown[name] = None if value is None else show(value)
        return shown


class Shown(dict[str, Any]):
    """A row as it is sent. Only the `uncertain` ones of its values may hold a number that JSON does not have."""

    __slots__ = ("uncertain",)
    uncertain: Sequence[str]


class _Plan(NamedTuple):
    """How rows are shown: what to read at once under which names, and the fields that need more than that."""

    names: Sequence[str]
    columns: Callable[[Any], tuple[Any, ...]]
    others: Sequence[tuple[str, Field, Callable[[Any], Any], Callable[[Any], Any]]]
    uncertain: Sequence[str]


def _planned(fields: Sequence[Field]) -> _Plan:
    sources: list[str] = []
    others: list[tuple[str, Field, Callable[[Any], Any], Callable[[Any], Any]]] = []
    for field in fields:
        if _is_column(field) and type(field) in _AS_THEY_ARE:
            sources.append(str(field.source))
        else:
            sources.append(_PLACE)
            others.append((str(field.field_name), field, _getter(field), field.to_representation))
    # With one more: of a single attribute the getter would give no tuple.
    uncertain = [str(field.field_name) for field in fields if not isinstance(field, _WITHOUT_FLOATS)]
    return _Plan([str(field.field_name) for field in fields], attrgetter(*sources, _PLACE), others, uncertain)


def _getter(field: Field) -> Callable[[Any], Any]:
    """Gives the value of a row, as `field.get_attribute` does where nothing is missing."""
    source = field.source or ""
    if type(field).get_attribute is not serializers.Field.get_attribute or not source:
        return field.get_attribute
    if source == "*":
        return lambda instance: instance
    get = attrgetter(source)
    if _is_column(field):
        return get

    def called(instance: Any) -> Any:
        value = get(instance)
        return field.get_attribute(instance) if is_simple_callable(value) else value

    return called


# Something that every row has: it keeps the place of a field that is read apart.
_PLACE = "__class__"
# What their columns hold is what they show.
_AS_THEY_ARE = frozenset(
    {serializers.CharField, serializers.BooleanField, serializers.IntegerField, serializers.JSONField}
)


# What these show is text, a truth value, or a whole number.
_WITHOUT_FLOATS = (
    serializers.CharField,
    serializers.BooleanField,
    serializers.IntegerField,
    serializers.DateTimeField,
    serializers.UUIDField,
    BookmarkedField,
    UsernameField,
)


def _is_column(field: Field) -> bool:
    """Whether the source is a column of the serializer's model, whose values nobody calls."""
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    return model is not None and field.source in {column.attname for column in model._meta.concrete_fields}


def _copied(field: Field) -> Field:
    """A field like this one, not bound to a serializer yet. Those with fields of their own are made anew."""
    if isinstance(field, serializers.BaseSerializer) or hasattr(field, "child"):
        return copy.deepcopy(field)
    # What `copy.copy` comes to, ten times as quick.
    copied = type(field).__new__(type(field))
    copied.__dict__.update(field.__dict__)
    return copied
