"""Fields whose values are found for all rows of a page in one query."""

from __future__ import annotations

from typing import Any

from django.db import connection
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyaxon.actions.bookmarks import bookmarked_ids
from polyaxon.db.models import User


class _PageField(serializers.Field[Any, Any, Any, Any]):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def page(self, row: Any) -> list[Any]:
        """The rows that are shown, `row` among them."""
        shown: Any = self.root.instance
        return [row] if shown is None or hasattr(shown, "pk") else list(shown)


@extend_schema_field(OpenApiTypes.BOOL)
class BookmarkedField(_PageField):
    """Whether the one who asks has bookmarked the row. Its serializer's context needs the request."""

    _found: set[int] | None = None

    def to_representation(self, value: Any) -> bool:
        if self._found is None:
            self._found = self._find(value)
        return value.pk in self._found

    def _find(self, row: Any) -> set[int]:
        request = self.context.get("request")
        if request is None or not isinstance(request.user, User):
            return set()
        return bookmarked_ids(request.user, type(row), [one.pk for one in self.page(row)])


@extend_schema_field(OpenApiTypes.STR)
class UsernameField(_PageField):
    """Whose the row is."""

    _names: dict[int, str] | None = None

    def to_representation(self, value: Any) -> str:
        if type(value).user.is_cached(value):
            return str(value.user.username)
        if self._names is None or value.user_id not in self._names:
            self._names = _usernames({value.user_id, *(one.user_id for one in self.page(value))})
        return self._names[value.user_id]


def _usernames(ids: set[int]) -> dict[int, str]:
    sql = f"SELECT id, username FROM {User._meta.db_table} WHERE id IN ({', '.join(map(str, ids))})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return dict(cursor.fetchall())
