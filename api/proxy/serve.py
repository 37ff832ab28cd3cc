"""The proxy as an ASGI application, beside the others of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.proxy import forwarding, sockets
from api.proxy.addresses import BadAddress, Served, served
from api.proxy.decisions import Decisions, Refusal
from api.streams import access

if TYPE_CHECKING:
    from api.bridge import Receive, Scope, Send

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
BAD = Refusal(400, [_TEXT], b"There is no such address.\n")
ELSEWHERE = Refusal(403, [_TEXT], b"Another site's page asked for this.\n")
READING = frozenset({"GET", "HEAD", "OPTIONS"})

decisions = Decisions()


def is_served(scope: Scope) -> bool:
    """Whether the connection asks for something of a notebook or tensorboard."""
    try:
        return served(scope) is not None
    except BadAddress:
        return True


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Forward a request, or say why not."""
    found = _checked(scope)
    if isinstance(found, Refusal):
        await forwarding.answer(found, scope, send)
        return
    decision = await decisions.of(scope, found.path)
    if isinstance(decision, Refusal):
        await forwarding.answer(decision, scope, send)
    else:
        await forwarding.forward(decision, found, scope, receive, send)


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """The same of a WebSocket. One that is refused is not accepted: HTTP 403."""
    found = _checked(scope)
    decision = found if isinstance(found, Refusal) else await decisions.of(scope, found.path)
    if isinstance(decision, Refusal) or isinstance(found, Refusal):
        await send({"type": "websocket.close", "code": sockets.NOT_ALLOWED})
    else:
        await sockets.forward(decision, found, scope, receive, send)


def _checked(scope: Scope) -> Served | Refusal:
    try:
        found = served(scope)
    except BadAddress:
        return BAD
    assert found is not None
    # A session comes along whoever's page asks. Looking is harmless then: no other page sees the answer.
    changes = scope["type"] == "websocket" or scope["method"] not in READING
    if changes and access.from_elsewhere(dict(scope)):
        return ELSEWHERE
    if not found.is_plain and scope["type"] == "http":
        location = forwarding.raw_target(found, scope)
        return Refusal(307, [(b"location", location)], b"")
    return found
