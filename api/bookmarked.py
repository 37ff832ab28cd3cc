"""The field `bookmarked`, for all rows of a page in one query."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyaxon.actions.bookmarks import bookmarked_ids
from polyaxon.db.models import User


@extend_schema_field(OpenApiTypes.BOOL)
class BookmarkedField(serializers.Field[bool, Any, bool, Any]):
    """Whether the one who asks has bookmarked the row. Its serializer's context needs the request."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)
        self._found: set[int] | None = None

    def to_representation(self, value: Any) -> bool:
        if self._found is None:
            self._found = self._find(value)
        return value.pk in self._found

    def _find(self, row: Any) -> set[int]:
        request = self.context.get("request")
        if request is None or not isinstance(request.user, User):
            return set()
        shown: Any = self.root.instance
        rows = [row] if shown is None or hasattr(shown, "pk") else list(shown)
        return bookmarked_ids(request.user, type(row), [one.pk for one in rows])
