"""Whether this process's HTTP server is about to end: what stays open for long then ends."""

from __future__ import annotations

import asyncio


class Closing:
    """Lives on the event loop of the server."""

    def __init__(self) -> None:
        self._has_begun = False
        self._waiting: set[asyncio.Event] = set()

    def begin(self) -> None:
        """From now on nothing may go on without end."""
        self._has_begun = True
        for event in self._waiting:
            event.set()

    async def begins(self) -> None:
        """Return when it has begun."""
        if not self._has_begun:
            self._waiting.add(event := asyncio.Event())
            try:
                await event.wait()
            finally:
                self._waiting.discard(event)


closing = Closing()
