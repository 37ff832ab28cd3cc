"""HTTP connections with limits on what a client may leave undone."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which by itself waits for ever for the head of a request and for a client that does not read.

    The head of a request, and what is left of a refused body, has to come in time; and a client has to take what it
    is sent. Connections that fail to are cut.
    """

    _waiting: asyncio.TimerHandle | None = None  # for the head of a request
    _stuck: asyncio.TimerHandle | None = None  # because the client reads nothing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        mine = self in self.connections  # not handed over to a WebSocket
        if mine and self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._expect()

    def on_headers_complete(self) -> None:
        self._waiting = _cancelled(self._waiting)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self._later(settings.CONFIG.server.client_send_timeout)

    def resume_writing(self) -> None:
        self._stuck = _cancelled(self._stuck)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting = _cancelled(self._waiting)
        self._stuck = _cancelled(self._stuck)
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._waiting = self._later(settings.CONFIG.server.client_header_timeout)

    def _later(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> Any:
    if timer is not None:
        timer.cancel()
