"""The HTTP server of a process: its socket, its limits, and an end that cuts no answer off that is nearly told."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from polyaxon.closing import closing
from polyaxon.components import heap
from polyaxon.components.connections import BoundedProtocol

logger = logging.getLogger(__name__)

APPLICATION = "api.asgi:application"  # by name: this room knows nothing of the one above
KEEP_ALIVE_SECONDS = 75
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, taken before anything else is done. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(BACKLOG)
    listener.set_inheritable(False)
    return listener


def http_config(drain: float) -> uvicorn.Config:
    """`drain`: seconds that requests under way have when the server ends."""
    return uvicorn.Config(
        APPLICATION,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        http=BoundedProtocol,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(drain),
    )


class HttpServer(uvicorn.Server):
    """Ends when `should_exit` is set: streams at once, requests under way in their time. Signals are its caller's."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        heap.settle()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        closing.begin()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebThread:
    """A server in a thread of this process. Raises OSError when its address cannot be had."""

    def __init__(self, host: str, port: int, *, drain: float, on_death: Callable[[str], None]) -> None:
        self._listener = listen(host, port)
        self._server = HttpServer(http_config(drain))
        self._on_death = on_death
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def is_serving(self) -> bool:
        """Whether it takes requests."""
        return self._server.started and not self._server.should_exit and self._thread.is_alive()

    def start(self) -> None:
        """Serve, soon."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Take no more requests and finish those under way; whether that was done within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        self._server.should_exit = True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException:
            logger.exception("The HTTP server failed")
        if not self._server.should_exit:
            self._on_death("The HTTP server ended by itself")
