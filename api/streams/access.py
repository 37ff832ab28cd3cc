"""Asking Django, from the event loop, whether a connection may have its stream."""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.db import database_sync_to_async  # type: ignore[import-untyped]
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http.response import HttpResponseBase

SOCKETS = "api.streams.urls_ws"
# Few: they check and look, and no stream holds one.
POOL = ThreadPoolExecutor(4, thread_name_prefix="streams")


def in_thread(function: Any) -> Any:
    """`function` as a coroutine function that may use the database."""
    return database_sync_to_async(function, thread_sensitive=False, executor=POOL)


@in_thread
def ask(scope: dict[str, Any]) -> HttpResponseBase:
    """Answer the connection as a GET of its address, through the middleware and the view."""
    request = ASGIRequest(as_get(scope), io.BytesIO())
    if scope["type"] == "websocket":
        request.urlconf = SOCKETS
    return respond(request)


def respond(request: ASGIRequest) -> HttpResponseBase:
    """What Django answers, in a thread that may use the database."""
    return _handler().get_response(request)


@cache
def _handler() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware()
    return handler


def as_get(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """The scope of a GET of the same address, with the token of the query as a header."""
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    token = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
    if token and not any(name == b"authorization" for name, _ in headers):
        headers.append((b"authorization", f"Token {token[0]}".encode("latin-1", "replace")))
    scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "http"), scope.get("scheme", "http"))
    return {**scope, "type": "http", "method": "GET", "scheme": scheme, "headers": headers}


def from_elsewhere(scope: dict[str, Any]) -> bool:
    """Whether another site's page opened the connection, which would come with the user's session."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    return bool(origin) and urlsplit(origin).netloc != headers.get(b"host", b"").decode("latin-1")
