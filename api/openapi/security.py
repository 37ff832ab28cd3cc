"""The ways to say who asks, as the description names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "Token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return _header("`Token` and the key that `users/token` gives, with a space between them.")


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "Session"
    priority = 1  # before the one that comes with the library

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        help_text = "The session of a browser. Changes also need the header X-CSRFToken that `users/session` gives."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": help_text}


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
