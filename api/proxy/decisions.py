"""Whether a connection may go on, and where to. Asked of Django, in a thread; kept for a moment."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.handlers.asgi import ASGIRequest

from api.proxy.targets import Forwarded, Upstream
from api.streams import access

if TYPE_CHECKING:
    from api.bridge import Scope

# A page of a notebook takes a hundred files at once. Whoever loses the right to it keeps it for so long.
KEPT_SECONDS = 2.0
_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not forwarded."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Decision = Upstream | Refusal


class Decisions:
    """Lives on the event loop. Connections with the same credentials and service share an answer."""

    def __init__(self) -> None:
        self._kept: dict[Any, tuple[float, asyncio.Task[Decision]]] = {}

    async def of(self, scope: Scope, place: str) -> Decision:
        """The decision for what lies in `place`: an entry's address, or the service's own."""
        now, key = time.monotonic(), _key(scope, place)
        kept = self._kept.get(key)
        if kept is None or now - kept[0] > KEPT_SECONDS:
            if len(self._kept) > _MOST_KEPT:
                self._kept = {each: entry for each, entry in self._kept.items() if now - entry[0] <= KEPT_SECONDS}
            kept = self._kept[key] = (now, asyncio.create_task(decide(scope)))
        decision = await asyncio.shield(kept[1])
        if not isinstance(decision, Upstream):
            self._kept.pop(key, None)  # what is not yet may be in a moment
        return decision


async def decide(scope: Scope) -> Decision:
    """Ask anew."""
    found: Decision = await _ask(dict(scope))
    return found


@access.in_thread
def _ask(scope: dict[str, Any]) -> Decision:
    # The query is the service's business: a `token` in it is none of ours.
    request = ASGIRequest(access.as_get({**scope, "query_string": b""}), io.BytesIO())
    response = access.respond(request)
    if isinstance(response, Forwarded):
        return response.upstream
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    cookies = [(b"set-cookie", each.OutputString().encode("latin-1")) for each in response.cookies.values()]
    body: bytes = getattr(response, "content", b"")
    return Refusal(response.status_code, [*headers, *cookies], body)


def _key(scope: Scope, place: str) -> tuple[Any, ...]:
    told = {b"authorization", b"cookie", b"host", b"accept"}
    return (place, *(pair for pair in scope["headers"] if pair[0].lower() in told))
