"""What the OpenAPI description says beyond the views themselves."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

PREFIX = "/api/v1/"


class Schema(AutoSchema):
    """Operations are named after method and address, which no two of them share."""

    def get_operation_id(self) -> str:
        words = re.findall(r"\w+", self.path.removeprefix(PREFIX))
        return "_".join([self.method.lower(), *words])

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Views say of themselves that they answer GET with a page."""
        del serializer
        return self.method == "GET" and bool(getattr(self.view, "lists", False))

    def get_tags(self) -> list[str]:
        """The kind of resource: the first fixed word of the address."""
        words = [part for part in self.path.removeprefix(PREFIX).split("/") if "{" not in part]
        return words[:1] or ["projects"]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "Token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return _header("`Token` and the key that `users/token` gives.")


class InternalTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.InternalTokenAuthentication"
    name = "InternalToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return _header("`InternalToken` and the installation's secret, with the header X-Polyaxon-Internal.")


class EphemeralTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.EphemeralAuthentication"
    name = "EphemeralToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return _header("`EphemeralToken` and a token for one use, with the header X-Polyaxon-Internal.")


def _header(description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}
