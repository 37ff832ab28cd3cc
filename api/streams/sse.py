"""Server-sent events over ASGI."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.http.response import HttpResponseBase

from api.streams import access, lines
from api.streams.feed import Payload, feed
from api.streams.permits import RETRY_SECONDS, TooManyStreams, places, rechecks
from api.streams.polling import watches
from api.streams.targets import EventTarget, RunTarget, StreamResponse, Target
from polyaxon.closing import closing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A client that takes nothing for so long is let go.
SEND_TIMEOUT = 60.0  # seconds
END_TIMEOUT = 5.0  # seconds
_END = {"type": "http.response.body", "body": b"", "more_body": False}
_STREAMS = re.compile(r"/api/v1/(events|.+/logs/follow)(\.json|/)*\Z")
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def streams(scope: Scope) -> bool:
    """Whether this request is one for a stream."""
    return scope["method"] == "GET" and _STREAMS.match(scope["path"]) is not None


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request with a stream, or with what the view says instead."""
    response = await access.ask(scope)
    if not isinstance(response, StreamResponse):
        await _refuse(response, send)
        return
    try:
        with places.taken(response.user):
            await _serve(response.target, scope, receive, send, _for_other_origins(response))
    except TooManyStreams as error:
        headers = [(b"content-type", b"application/json"), (b"retry-after", str(RETRY_SECONDS).encode())]
        await _plain(send, error.code, headers, orjson.dumps({"detail": error.detail}))


async def _serve(target: Target, scope: Scope, receive: Receive, send: Send, more: list[tuple[bytes, bytes]]) -> None:
    """`more`: headers of the answer."""
    if isinstance(target, EventTarget):
        async with contextlib.aclosing(feed.follow(target, lines.HEARTBEAT)) as payloads:
            await anext(payloads)  # before the client is told that it is connected, and does what it wants to hear of
            await _stream(_events(payloads), scope, receive, send, more)
    elif isinstance(target, RunTarget):
        start = _offset(scope)
        async with watches.follow(target) as watch:
            if start is not None and watch.done and start >= watch.size:
                # All was told: 204 keeps a browser from asking again.
                await _plain(send, 204, [], b"")
                return
            news = lines.news(watch, min(start or 0, watch.size))
            await _stream(_log(news), scope, receive, send, more)


async def _log(news: AsyncIterator[lines.News]) -> AsyncIterator[bytes]:
    async for item in news:
        if isinstance(item, lines.Lines):
            yield _event("\n".join(item.lines), identifier=item.offset)
        elif isinstance(item, lines.Status):
            data = orjson.dumps({"status": item.status}).decode()
            yield _event(data, name="end" if item.end else "status")
        else:
            yield b": heartbeat\n\n"


async def _events(payloads: AsyncIterator[Payload | None]) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    async for payload in payloads:
        if payload is None:
            yield b": heartbeat\n\n"
        else:
            yield _event(orjson.dumps(payload).decode(), identifier=payload["id"])


def _event(data: str, *, name: str = "", identifier: int | None = None) -> bytes:
    fields = [f"event: {name}"] if name else []
    fields += [f"data: {line}" for line in _LINE_ENDS.split(data)]
    if identifier is not None:
        fields.append(f"id: {identifier}")
    return ("\n".join(fields) + "\n\n").encode("utf-8", "replace")


def _for_other_origins(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    """What the view's answer says about who may read it."""
    told = ((name.lower(), value) for name, value in response.items())
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in told
        if name == "vary" or name.startswith("access-control-")
    ]


async def _stream(
    pieces: AsyncIterator[bytes], scope: Scope, receive: Receive, send: Send, more: list[tuple[bytes, bytes]]
) -> None:
    """Send `pieces` until they end, the client leaves or takes nothing for too long, or it may not have them any more.

    Its next request then tells a client that is refused why. When this server closes, another goes on where this one
    ended. `more`: headers.
    """
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *more]})
    sending = asyncio.create_task(_send_all(pieces, send))
    ends = (_left(receive), rechecks.lost(scope), closing.begins())
    others = [asyncio.create_task(end) for end in ends]
    try:
        await asyncio.wait({sending, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, *others):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await sending
        for task in others:
            with contextlib.suppress(asyncio.CancelledError):
                await task
    with contextlib.suppress(RuntimeError, TimeoutError):  # the client has gone, or the end was sent
        await asyncio.wait_for(send(_END), END_TIMEOUT)


async def _send_all(pieces: AsyncIterator[bytes], send: Send) -> None:
    # The server's send waits while the client's buffer is full, so no more than a piece is kept for it.
    async for piece in pieces:
        await asyncio.wait_for(send({"type": "http.response.body", "body": piece, "more_body": True}), SEND_TIMEOUT)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(response: HttpResponseBase, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    await _plain(send, response.status_code, headers, getattr(response, "content", b""))


async def _plain(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _offset(scope: Scope) -> int | None:
    """Where to go on: `Last-Event-ID`, or `?offset=`; None for the beginning."""
    text = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin-1")
    if not text:
        found = re.search(rb"(?:^|&)offset=(\d+)(?:&|\Z)", scope.get("query_string", b""))
        text = found[1].decode() if found else ""
    return int(text) if text.isdecimal() and len(text) <= 18 else None  # noqa: PLR2004 - digits of 64 bits
