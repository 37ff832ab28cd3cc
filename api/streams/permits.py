"""How many streams there may be at once, and whether each of them is still allowed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from rest_framework import status

from api.streams import access

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]

RETRY_SECONDS = 5
_REFUSED = frozenset({status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN, status.HTTP_404_NOT_FOUND})
_MOST_KEPT = 1000


class TooManyStreams(Exception):
    """`code` is that of an HTTP answer."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Places:
    """Streams of this process. Lives on the event loop."""

    def __init__(self) -> None:
        self._users: Counter[int] = Counter()

    @property
    def count(self) -> int:
        """Streams that are open."""
        return self._users.total()

    @contextmanager
    def taken(self, user: int) -> Iterator[None]:
        """A place for a stream of the user with this id. Raises `TooManyStreams`."""
        server = settings.CONFIG.server
        if self._users[user] >= server.streams_max_per_user:
            raise TooManyStreams(
                status.HTTP_429_TOO_MANY_REQUESTS,
                f"You follow {self._users[user]} streams already, which is the most. Close some first.",
            )
        if self._users.total() >= server.streams_max:
            raise TooManyStreams(
                status.HTTP_503_SERVICE_UNAVAILABLE, "The server has as many streams as it takes. Try again later."
            )
        self._users[user] += 1
        try:
            yield
        finally:
            self._users[user] -= 1
            self._users += Counter()  # forgets those at zero


class Rechecks:
    """Asks views again. Streams with the same credentials and address share the answers."""

    def __init__(self) -> None:
        self._asked: dict[tuple[Any, ...], tuple[float, asyncio.Task[bool]]] = {}

    async def lost(self, scope: Scope) -> None:
        """Wait until the view that let the stream in would refuse it."""
        interval: float = settings.CONFIG.server.streams_recheck
        while True:
            await asyncio.sleep(interval)
            if not await self._allowed(scope, interval / 2):
                return

    async def _allowed(self, scope: Scope, seconds: float) -> bool:
        now, key = time.monotonic(), _key(scope)
        kept = self._asked.get(key)
        if kept is None or now - kept[0] > seconds:
            if len(self._asked) > _MOST_KEPT:
                self._asked = {each: entry for each, entry in self._asked.items() if now - entry[0] <= seconds}
            kept = self._asked[key] = (now, asyncio.create_task(_ask(scope)))
        return await asyncio.shield(kept[1])


async def _ask(scope: Scope) -> bool:
    """False only if the view says so: when it cannot tell, the stream goes on."""
    try:
        return (await access.ask(scope)).status_code not in _REFUSED
    except Exception:
        logger.exception("asking whether a stream is still allowed")
        return True


def _key(scope: Scope) -> tuple[Any, ...]:
    credentials = tuple(value for name, value in scope["headers"] if name.lower() in {b"authorization", b"cookie"})
    return (scope["type"], scope["path"], scope.get("query_string", b""), credentials)


places = Places()
rechecks = Rechecks()
