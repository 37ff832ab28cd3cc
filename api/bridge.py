"""Django's WSGI application behind ASGI, on a fixed set of threads of which none ever waits for a client.

A thread gets a request once its whole body is there. Of an answer that is streamed, a thread makes the next piece
when the client has taken those before; in between the thread serves others.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, TypeVar

from a2wsgi.wsgi import build_environ
from django.core.cache import DEFAULT_CACHE_ALIAS, caches

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ResultT = TypeVar("ResultT")


class Bridge:
    """Serves HTTP requests whose bodies were read already."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, workers: int) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="api", initializer=_open_cache)

    async def __call__(self, scope: Scope, body: IO[bytes], receive: Receive, send: Send) -> None:
        call = _Call(self._application, build_environ(scope, body))  # type: ignore[arg-type]
        piece = await self._in_thread(call.begin)
        await send({"type": "http.response.start", "status": call.status, "headers": call.headers})
        if call.streams:
            await self._stream(call, None if scope["method"] == "HEAD" else piece, receive, send)
        else:
            await send({"type": "http.response.body", "body": piece or b""})

    async def _stream(self, call: _Call, piece: bytes | None, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_gone(receive))
        try:
            while piece is not None and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._in_thread(call.next)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
            await asyncio.shield(self._in_thread(call.end))

    async def _in_thread(self, function: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _apart, function)


def _open_cache() -> None:
    """Of the thread, for all its requests: else each would begin with a new connection to Redis."""
    caches[DEFAULT_CACHE_ALIAS]


def _apart(function: Callable[[], ResultT]) -> ResultT:
    """In a copy of the thread's context: what one request sets there, the next does not see."""
    return contextvars.copy_context().run(function)


class _Call:
    """One call of the application; its methods run in threads, one after the other."""

    def __init__(self, application: Callable[..., Iterable[bytes]], environ: Any) -> None:
        self._application = application
        self._environ = environ
        self._pieces: Iterator[bytes] = iter(())
        self._answer: Any = None
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.streams = False

    def begin(self) -> bytes | None:
        """Make the answer, and return all of it, or the first piece if it is streamed."""
        self._answer = self._application(self._environ, self._start)
        self.streams = bool(getattr(self._answer, "streaming", True))
        if self.streams:
            self._pieces = iter(self._answer)
            return self.next()
        try:
            return b"".join(self._answer)
        finally:
            self.end()  # in the thread of the view: it looks after that thread's database connection

    def next(self) -> bytes | None:
        """The next piece; None after the last one."""
        return next(self._pieces, None)

    def end(self) -> None:
        """Free what the answer holds."""
        getattr(self._answer, "close", lambda: None)()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        del exc_info
        self.status = int(status.partition(" ")[0])
        self.headers = [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
