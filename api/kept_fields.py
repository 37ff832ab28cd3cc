"""Serializer fields that are made once per class.

Making them asks the model about every column, each time that a serializer is made: longer than serializing a row takes.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from rest_framework import serializers

Fields = dict[str, "serializers.Field[Any, Any, Any, Any]"]


class KeptFields(serializers.Serializer[Any]):
    """Comes before the serializer class that makes the fields; these must depend on the class alone."""

    _kept: ClassVar[Fields | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._kept = None

    def get_fields(self) -> Fields:
        cls = type(self)
        kept = cls._kept
        if kept is None:
            kept = cls._kept = super().get_fields()
        return {name: _copied(field) for name, field in kept.items()}


def _copied(field: serializers.Field[Any, Any, Any, Any]) -> serializers.Field[Any, Any, Any, Any]:
    """A field like this one, not bound to a serializer yet. Those with fields of their own are made anew."""
    composed = isinstance(field, serializers.BaseSerializer) or hasattr(field, "child")
    return copy.deepcopy(field) if composed else copy.copy(field)
