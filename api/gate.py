"""What a request must have before it is let in, so that nobody slow, large or unknown takes a thread or much memory.

Bodies over their limit are refused by what the headers say. Others are read here, on the event loop, small ones into
memory and large ones, which only those with valid credentials may send, into a file that has no name.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

import orjson
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from api.authentication import InternalTokenAuthentication, TokenAuthentication
from api.bridge import Bridge, Message, Receive, Scope, Send
from api.repos.views import UPLOAD_ROOM
from api.streams import access
from polyaxon.stores.errors import human_bytes

# Larger bodies go to a file, and take credentials.
MEMORY_BYTES = 1024 * 1024
# Clients read the answer after they have sent all: a refused body is still taken for so long, and then cut off.
DRAIN_BYTES = 1024 * 1024 * 1024
DRAIN_SECONDS = 30.0
_UPLOAD = re.compile(r"/api/v1/[^/]+/[^/]+/repo/upload(\.json|/)*\Z")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without asking the application."""

    status: int
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


TOO_SLOW = Refusal(408, "The body did not come in time.")
NO_LENGTH = Refusal(411, "Send the body with its Content-Length, not in chunks of unknown number.")
UNKNOWN = Refusal(
    401, f"A body over {human_bytes(MEMORY_BYTES)} takes a valid token or session.", ((b"www-authenticate", b"Token"),)
)


class _Gone(Exception):
    """The client left."""


class _TooSlow(Exception):
    """Nothing came for too long."""


class Gate:
    """Lets requests through to `inside` together with their bodies."""

    def __init__(self, inside: Bridge) -> None:
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _by_headers(scope)
        if refusal is None and _length(scope) > MEMORY_BYTES and not await _known(scope):
            refusal = UNKNOWN
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return
        try:
            async with _body(scope, receive) as body:
                await self._inside(scope, body, receive, send)
        except _Gone:
            return
        except _TooSlow:
            await _refuse(TOO_SLOW, scope, receive, send, drain=False)


def _by_headers(scope: Scope) -> Refusal | None:
    length, most = _length(scope), _most(scope)
    if length < 0:
        return NO_LENGTH
    if length > most:
        return Refusal(413, f"The body has {human_bytes(length)}; at most {human_bytes(most)} are accepted here.")
    return None


def _length(scope: Scope) -> int:
    """Bytes of the body; negative if that is not known."""
    headers = dict(scope["headers"])
    text = headers.get(b"content-length", b"")
    if not text:
        return -1 if b"transfer-encoding" in headers else 0
    return int(text) if text.isdigit() else 0


def _most(scope: Scope) -> int:
    limits = settings.CONFIG.limits
    return int(limits.upload_max_bytes + UPLOAD_ROOM if _UPLOAD.match(scope["path"]) else limits.body_max_bytes)


@access.in_thread
def _known(scope: Scope) -> bool:
    """Whether the request comes with credentials that are valid now."""
    request = ASGIRequest(access.as_get(scope), io.BytesIO())
    asking = Request(request, authenticators=[TokenAuthentication(), InternalTokenAuthentication()])
    try:
        if asking.user.is_authenticated:
            return True
    except AuthenticationFailed:
        return False
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return bool(get_user(request).is_authenticated)


@asynccontextmanager
async def _body(scope: Scope, receive: Receive) -> AsyncIterator[IO[bytes]]:
    """The whole body as a file at its beginning."""
    length = _length(scope)
    if not length:
        yield io.BytesIO()
        return
    in_memory = length <= MEMORY_BYTES
    with io.BytesIO() if in_memory else tempfile.TemporaryFile() as file:
        more = True
        while more:
            message = await _next(receive)
            piece, more = message.get("body", b""), message.get("more_body", False)
            if in_memory:
                file.write(piece)
            else:
                await asyncio.to_thread(file.write, piece)
        file.seek(0)
        yield file


async def _next(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(settings.CONFIG.server.client_body_timeout):
            message = await receive()
    except TimeoutError:
        raise _TooSlow from None
    if message["type"] == "http.disconnect":
        raise _Gone
    return message


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send, *, drain: bool = True) -> None:
    """Answer, take what the client is sending, and have the connection closed."""
    body = orjson.dumps({"detail": refusal.detail})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *refusal.headers,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    waits = dict(scope["headers"]).get(b"expect", b"").lower() == b"100-continue"
    if drain and not waits:
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    left = DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
