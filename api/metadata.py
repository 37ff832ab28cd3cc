"""Answers to OPTIONS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.metadata import SimpleMetadata

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class Metadata(SimpleMetadata):
    """What an address is. What it takes stands in the OpenAPI description: views have no one serializer to ask."""

    def determine_actions(self, request: Request, view: APIView) -> dict[str, Any]:
        del request, view
        return {}
