"""HTTP requests on their way to a service and back, both streamed: no thread waits, and little is held in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING

import httpx
from django.conf import settings

from api.proxy import headers as passing
from api.proxy.decisions import Refusal

if TYPE_CHECKING:
    from api.bridge import Message, Receive, Scope, Send
    from api.proxy.addresses import Served
    from api.proxy.targets import Upstream

logger = logging.getLogger(__name__)

CONNECT_SECONDS, WRITE_SECONDS = 5.0, 60.0
# A node may learn a moment later than we that a service is ready; these take two seconds.
CONNECT_TRIES = 3
SILENCE_SECONDS = 600.0  # that a service may take for its next byte
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
NO_ANSWER = Refusal(503, [_TEXT, (b"retry-after", b"2"), (b"refresh", b"2")], b"It does not answer yet, or any more.\n")
TOO_LATE = Refusal(504, [_TEXT], b"It did not answer in time.\n")
LED_OUT = Refusal(502, [_TEXT], b"It redirected to a place of this host that is not its own.\n")
BROKEN = Refusal(502, [_TEXT], b"Its answer is no HTTP.\n")


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


@cache
def client() -> httpx.AsyncClient:
    """One for the event loop. It follows nothing, unpacks nothing and heeds no proxy of the environment."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=CONNECT_SECONDS),
        transport=httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=settings.CONFIG.server.streams_max, keepalive_expiry=2.0),
            retries=CONNECT_TRIES,
            trust_env=False,
        ),
        trust_env=False,
        follow_redirects=False,
    )


async def forward(upstream: Upstream, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the request as the service does."""
    exchange = _Exchange(upstream, served, scope, receive, send)
    task = asyncio.create_task(exchange.run())
    watch = asyncio.create_task(exchange.client_left())
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
    finally:
        for each in (task, watch):
            each.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


class _Exchange:
    """One request and its answer."""

    def __init__(self, upstream: Upstream, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
        self._upstream = upstream
        self._served = served
        self._scope = scope
        self._receive = receive
        self._send = send
        self._sent = asyncio.Event()  # the client's body
        self._host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        self._begun = False

    async def client_left(self) -> None:
        """Returns when the client has closed its connection. Its body comes first, by the same way."""
        await self._sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def run(self) -> None:
        try:
            await self._answer()
        except ClientGone:
            return
        except passing.LeadsOut as error:
            logger.warning("%s: redirected to %s, which is not its own", self._served.path, error)
            await self._refuse(LED_OUT)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            await self._refuse(NO_ANSWER)
        except httpx.TimeoutException:
            await self._refuse(TOO_LATE)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("%s: %s", self._served.path, error)
            await self._refuse(BROKEN)

    async def _answer(self) -> None:
        request = self._request()
        response = await client().send(request, stream=True)
        try:
            self._sent.set()
            await self._pass_on(response)
        finally:
            await response.aclose()

    def _request(self) -> httpx.Request:
        scope, scheme = self._scope, self._scope.get("scheme", "http")
        names = {name.lower() for name, _ in scope["headers"]}
        has_body = b"transfer-encoding" in names or dict(scope["headers"]).get(b"content-length", b"0") != b"0"
        if not has_body:
            self._sent.set()
        told = passing.to_service(
            scope["headers"],
            token=self._upstream.token,
            scheme="https" if settings.CONFIG.server.ssl_enabled else scheme,
        )
        url = httpx.URL(f"http://{self._upstream.address}", raw_path=raw_target(self._served, scope))
        return httpx.Request(
            scope["method"], url, headers=told, content=self._body() if has_body else None,
            extensions={"timeout": client().timeout.as_dict()},
        )  # fmt: skip

    async def _body(self) -> AsyncIterator[bytes]:
        """As the client sends it: the next piece is read when the service has taken the last."""
        more = True
        while more:
            message = await self._next()
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece
        self._sent.set()

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(settings.CONFIG.server.client_body_timeout):
                message = await self._receive()
        except TimeoutError:
            raise ClientGone from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message

    async def _pass_on(self, response: httpx.Response) -> None:
        told = passing.from_service(
            response.headers.raw,
            host=self._host,
            path=self._served.path,
            address=self._upstream.address,
            secure=settings.CONFIG.server.ssl_enabled,
        )
        self._begun = True
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": told})
        async for piece in response.aiter_raw():
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _refuse(self, refusal: Refusal) -> None:
        if self._begun:  # what was said cannot be taken back, but the client sees that it is not whole
            raise ConnectionAbortedError(self._served.path)
        self._sent.set()
        await answer(refusal, self._scope, self._send)


def raw_target(served: Served, scope: Scope) -> bytes:
    """Path and query as the client sent them."""
    query: bytes = scope.get("query_string", b"")
    return served.raw.encode("latin-1") + (b"?" + query if query else b"")


async def answer(refusal: Refusal, scope: Scope, send: Send) -> None:
    """Say no. What is left of the client's body is not read, so the connection ends."""
    length = (b"content-length", str(len(refusal.body)).encode())
    kept = [pair for pair in refusal.headers if pair[0] != b"content-length"]
    ends = [] if scope["method"] in {"GET", "HEAD"} else [(b"connection", b"close")]
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": refusal.status, "headers": [*kept, length, *ends]})
        body = b"" if scope["method"] == "HEAD" else refusal.body
        await send({"type": "http.response.body", "body": body})
