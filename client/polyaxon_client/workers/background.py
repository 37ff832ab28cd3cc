"""Requests of the API client that nobody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.workers.process import hooks
from polyaxon_client.workers.sender import sender_for

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection, Settings


class Background:
    """Queues requests; they are sent in order and repeated while the server is away."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        hooks.install(settings.timeout)
        self._sender = sender_for(connection, **settings.sending())

    def submit(self, method: str, path: str, body: Any = None) -> None:
        self._sender.update(None, method, path, body)

    def flush(self, timeout: float) -> bool:
        """Wait until all has arrived; false after ``timeout`` seconds."""
        return self._sender.flush(timeout)
