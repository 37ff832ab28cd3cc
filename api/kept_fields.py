"""Serializers for the rows of long lists: what depends on the class alone is found out once, not per request or row."""

from __future__ import annotations

import copy
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from rest_framework import serializers
from rest_framework.fields import SkipField, is_simple_callable

from api.fields import TimeField

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
    _shown: list[tuple[str, Field, Callable[[Any], Any], Callable[[Any], Any]]] | None = None

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
        if self._shown is None:
            self._shown = [(name, field, _getter(field), field.to_representation) for name, field in self._readable()]
        shown: dict[str, Any] = {}
        for name, field, get, show in self._shown:
            try:
                value = get(instance)
            except (AttributeError, KeyError, ObjectDoesNotExist):
                try:
                    value = field.get_attribute(instance)
                except SkipField:
                    continue
            shown[name] = None if value is None else show(value)
        return shown

    def _readable(self) -> list[tuple[str, Field]]:
        return [(name, field) for name, field in self.fields.items() if not field.write_only]


def _getter(field: Field) -> Callable[[Any], Any]:
    """Gives the value of a row, as `field.get_attribute` does where nothing is missing."""
    source = field.source or ""
    if type(field).get_attribute is not serializers.Field.get_attribute or not source:
        return field.get_attribute
    if source == "*":
        return lambda instance: instance
    get = attrgetter(source)

    def called(instance: Any) -> Any:
        value = get(instance)
        return field.get_attribute(instance) if is_simple_callable(value) else value

    return called


def _copied(field: Field) -> Field:
    """A field like this one, not bound to a serializer yet. Those with fields of their own are made anew."""
    composed = isinstance(field, serializers.BaseSerializer) or hasattr(field, "child")
    return copy.deepcopy(field) if composed else copy.copy(field)
