"""Pages of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from rest_framework.pagination import LimitOffsetPagination

# SQLite and Postgres take no larger number.
MAX_OFFSET = 2**63 - 1


class Pagination(LimitOffsetPagination):
    """`limit` and `offset`; values that are not positive numbers count as absent, large ones are cut."""

    default_limit = settings.CONFIG.server.page_size
    max_limit = settings.CONFIG.server.page_size_max
    # Counts the rows of the list sooner than the database counts them.
    quick_count: Callable[[], int] | None = None

    def get_count(self, queryset: Any) -> int:
        return super().get_count(queryset) if self.quick_count is None else self.quick_count()

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "Of all pages together."},
                "next": {**address, "description": "Address of the next page."},
                "previous": {**address, "description": "Address of the page before."},
                "results": schema,
            },
        }

    def get_offset(self, request: Any) -> int:
        return min(super().get_offset(request), MAX_OFFSET - self.max_limit)


class LargePagination(Pagination):
    """Everything on one page, as far as a page may go."""

    default_limit = settings.CONFIG.server.page_size_max
