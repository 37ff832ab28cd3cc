"""WebSockets on their way to a service and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import websockets
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect

from api.proxy import headers as passing
from api.proxy.decisions import decide
from api.proxy.forwarding import CONNECT_TRIES, raw_target
from api.proxy.targets import Upstream
from api.streams.permits import TooManyStreams, places

if TYPE_CHECKING:
    from api.bridge import Receive, Scope, Send
    from api.proxy.addresses import Served

logger = logging.getLogger(__name__)

OPEN_SECONDS = 10.0
NOT_ALLOWED, TRY_LATER, GOING_AWAY, NORMAL = 4403, 1013, 1001, 1000
_NEVER_SENT = {1004, 1005, 1006, 1015}  # codes that stand for there being none
_OURS = {b"host", b"user-agent"}


async def forward(upstream: Upstream, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    """Connect to the service as the client wants to, then pass on what either says until one of them ends it."""
    await receive()  # websocket.connect
    try:
        with places.taken(upstream.user):
            await _forward(upstream, served, scope, receive, send)
    except TooManyStreams:
        await send({"type": "websocket.close", "code": TRY_LATER})


async def _forward(upstream: Upstream, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        service = await _connect(upstream, served, scope)
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        logger.info("%s: %s", served.path, error)
        await send({"type": "websocket.close", "code": TRY_LATER})
        return
    async with service:
        await send({"type": "websocket.accept", "subprotocol": service.subprotocol})
        await _pass_on(service, scope, receive, send)


async def _connect(upstream: Upstream, served: Served, scope: Scope) -> ClientConnection:
    """Tries again like the client of HTTP requests: see there."""
    for pause in range(CONNECT_TRIES):
        with contextlib.suppress(ConnectionRefusedError):
            return await _connect_once(upstream, served, scope)
        await asyncio.sleep(pause * 0.5)
    return await _connect_once(upstream, served, scope)


async def _connect_once(upstream: Upstream, served: Served, scope: Scope) -> ClientConnection:
    told = passing.to_service(
        scope["headers"],
        token=upstream.token,
        scheme="https" if settings.CONFIG.server.ssl_enabled else "http",
    )
    return await connect(
        f"ws://{upstream.address}{raw_target(served, scope).decode('latin-1')}",
        additional_headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in told if n not in _OURS],
        subprotocols=scope.get("subprotocols") or None,
        user_agent_header=None,
        compression=None,
        proxy=None,
        open_timeout=OPEN_SECONDS,
        max_size=None,
        max_queue=4,  # messages that the client has not taken yet; after these the service waits
    )


async def _pass_on(service: ClientConnection, scope: Scope, receive: Receive, send: Send) -> None:
    ways = {
        asyncio.create_task(_to_service(service, receive)),
        asyncio.create_task(_to_client(service, send)),
        asyncio.create_task(_lost(scope)),
    }
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        code = next(iter(done)).result()
    except (OSError, websockets.WebSocketException):
        code = GOING_AWAY
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    if code is not None:
        with contextlib.suppress(OSError, RuntimeError):  # the client has gone at the same moment
            await send({"type": "websocket.close", "code": code})


async def _to_service(service: ClientConnection, receive: Receive) -> int | None:
    """None once the client has left: there is nobody to tell."""
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        await service.send(text if text is not None else message["bytes"])
    await service.close(_sendable(message.get("code")))
    return None


async def _to_client(service: ClientConnection, send: Send) -> int:
    async for message in service:
        name = "text" if isinstance(message, str) else "bytes"
        await send({"type": "websocket.send", name: message})
    return _sendable(service.close_code)


async def _lost(scope: Scope) -> int:
    """Returns when the view that let the client in would refuse it, or the service has ended."""
    while True:
        await asyncio.sleep(settings.CONFIG.server.streams_recheck)
        if not isinstance(await decide(scope), Upstream):
            return NOT_ALLOWED


def _sendable(code: int | None) -> int:
    return NORMAL if code is None or code in _NEVER_SENT else code
