"""WebSockets in the frames of 0.6."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer  # type: ignore[import-untyped]
from channels.routing import URLRouter  # type: ignore[import-untyped]
from django.http.response import HttpResponseBase
from django.urls import re_path

from api.streams import access, lines
from api.streams.permits import TooManyStreams, places, rechecks
from api.streams.polling import watches
from api.streams.samples import samples
from api.streams.targets import ResourceTarget, RunTarget, StreamResponse, Target

NO_ROUTE, NOT_LOGGED_IN, NOT_ALLOWED = 4404, 4401, 4403
TRY_LATER = 1013
SEND_TIMEOUT = 60.0  # seconds
SAMPLE_INTERVAL = 2.0  # seconds
_UNAUTHENTICATED, _FORBIDDEN, _MISSING = 401, 403, 404


class _StreamConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Asks the view, then tells until the end. Nothing is expected from the client."""

    telling: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if access.from_elsewhere(self.scope):
            await self.close(NOT_ALLOWED)
            return
        response = await access.ask(self.scope)
        if not isinstance(response, StreamResponse) and response.status_code != _MISSING:
            await self.close(NOT_LOGGED_IN if response.status_code == _UNAUTHENTICATED else NOT_ALLOWED)
            return
        await self.accept()
        self.telling = asyncio.create_task(self._tell_all(response))

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - the signature is the framework's
        if self.telling is not None:
            self.telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.telling

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Whatever a client says, there is nothing to do."""

    async def _tell_all(self, response: HttpResponseBase) -> None:
        code = None
        with contextlib.suppress(TimeoutError):
            if isinstance(response, StreamResponse):
                code = await self._tell_in_place(response)
            else:
                await self.tell(None)
        await self.close(code)

    async def _tell_in_place(self, response: StreamResponse) -> int | None:
        """Tell while it is allowed; the code to close with."""
        try:
            with places.taken(response.user):
                if not await self._told_before_access_was_lost(response.target):
                    await self.error("You may not follow this any more.")
                    return NOT_ALLOWED
        except TooManyStreams as error:
            await self.error(error.detail)
            return TRY_LATER
        return None

    async def _told_before_access_was_lost(self, target: Target) -> bool:
        telling = asyncio.create_task(self.tell(target))
        losing = asyncio.create_task(rechecks.lost(self.scope))
        try:
            await asyncio.wait({telling, losing}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                await telling
                return True
            return False
        finally:
            telling.cancel()
            losing.cancel()
            await asyncio.gather(telling, losing, return_exceptions=True)

    async def tell(self, target: Target | None) -> None:
        raise NotImplementedError

    async def frame(self, content: Any) -> None:
        # The server's send waits while the client's buffer is full, so no more than a piece is kept for it.
        text = orjson.dumps(content).decode()
        await asyncio.wait_for(self.send(text_data=text), SEND_TIMEOUT)

    async def error(self, text: str) -> None:
        # Here the lines are a list, in other frames a text: clients of 0.6 know it so.
        await self.frame({"status": "error", "log_lines": [text]})


class LogsConsumer(_StreamConsumer):
    """Statuses until the run runs, then its lines, one to a frame."""

    async def tell(self, target: Target | None) -> None:
        if not isinstance(target, RunTarget):
            await self.error("There is no such run.")
            return
        async with watches.follow(target) as watch:
            if watch.done:
                await self.error(f"The run is done ({watch.status}); its log is stored.")
                return
            async for item in lines.news(watch, 0):
                await self._tell_one(item)

    async def _tell_one(self, item: lines.News) -> None:
        if isinstance(item, lines.Lines):
            for line in item.lines:
                await self.frame({"log_lines": line})
        elif isinstance(item, lines.Status):
            for _ in range(2 if item.end else 1):
                await self.frame({"status": item.status, "log_lines": None})


class ResourcesConsumer(_StreamConsumer):
    """The last sample again and again until the run is done: a list for an experiment, an object otherwise."""

    async def tell(self, target: Target | None) -> None:
        if not isinstance(target, ResourceTarget):
            await self.error("There is no such run.")
            return
        done = False
        while not done:
            found, done = await samples.of(target)
            if found:
                await self.frame(found)
            if not done:
                await asyncio.sleep(SAMPLE_INTERVAL)


class NowhereConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """No such address."""

    async def connect(self) -> None:
        await self.close(NO_ROUTE)


sockets = URLRouter(
    [
        re_path(r"^.*/logs(/stream)?/?$", LogsConsumer.as_asgi()),
        re_path(r"^.*/resources/?$", ResourcesConsumer.as_asgi()),
        re_path(r"^.*$", NowhereConsumer.as_asgi()),
    ]
)
