"""How operations are described, beyond what stands at the views themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ListSerializer

from api.openapi import names, responses, security, tags

# Importing it registers the schemes.
assert security

# Query parameters that are never wrong: what they do not understand counts as absent.
_LENIENT = frozenset({"limit", "offset"})


class Schema(AutoSchema):
    """Names, tags and errors of operations."""

    method: str
    path: str

    def get_operation_id(self) -> str:
        return names.operation_id(self.method, self.path, is_list=self._is_paged())

    def get_summary(self) -> str:
        return names.summary(self.get_operation_id())

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Views say of themselves that they answer GET with a page; `many=True` is a list without pages."""
        return self.method == "GET" and (self._is_paged() or isinstance(serializer, ListSerializer))

    def _is_paged(self) -> bool:
        return bool(getattr(self.view, "lists", False))

    def _get_paginator(self) -> Any:
        return super()._get_paginator() if self._is_paged() else None  # type: ignore[no-untyped-call]

    def _is_create_operation(self) -> bool:
        return self.method == "POST"

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        """A DELETE takes a body where its view says so."""
        if self.method != "DELETE" or not getattr(self.view, "deletes_what_is_named", False):
            return super()._get_request_body(direction)  # type: ignore[no-any-return, no-untyped-call]
        serializer = self.get_request_serializer()
        schema, _ = self._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]
        return {"content": {"application/json": {"schema": schema}}}

    def get_tags(self) -> list[str]:
        return [tags.tag(self.path)]

    def map_parsers(self) -> list[Any]:
        """Forms are taken, too, but not described: most bodies have fields that no form can carry."""
        found: list[Any] = super().map_parsers()
        return ["application/json"] if "application/json" in found else found

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        own: dict[str, Any] = super()._get_response_bodies(direction)
        for code, answer in own.items():
            answer["description"] = answer.get("description") or _MEANING.get(code, "")
        return dict(sorted({**self._errors(), **own}.items()))

    def _errors(self) -> dict[str, Any]:
        """Those that the address and the method imply."""
        changes, sends = self.method != "GET", self.method in {"POST", "PUT", "PATCH"}
        streams = tags.tag(self.path) == "streams"
        found = {
            "400": changes or self._has_queries(),
            "401": bool(self.view.get_authenticators()) and self.view.get_authenticate_header(self.view.request),
            "403": changes or not self._is_public(),
            "404": "{" in self.path or streams,
            "411": sends,
            "413": sends,
            "415": sends and self.get_request_serializer() is not None,
            "426": streams,
            "429": bool(self.view.get_throttles()),
        }
        return {code: responses.reference(code) for code, does in found.items() if does}

    def _is_public(self) -> bool:
        return AllowAny in self.view.permission_classes

    def _has_queries(self) -> bool:
        named = {parameter["name"] for parameter in self._get_parameters() if parameter["in"] == "query"}
        return not named <= _LENIENT


_MEANING = {
    "101": "The connection goes on as a WebSocket.",
    "200": "Done.",
    "201": "Made.",
    "204": "Gone.",
    "404": "There is no such file.",
    "503": "The server cannot work.",
}
