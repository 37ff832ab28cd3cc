"""The server as an ASGI application.

Requests run in a fixed set of threads, so that threads and their database connections are reused. What stays
open for long, streams and what is forwarded to notebooks, is served beside them, on the event loop.
"""

from __future__ import annotations

from django.conf import settings

from api.wsgi import application as wsgi  # first: it prepares Django

from api.bridge import Bridge, Receive, Scope, Send  # isort: skip
from api.gate import Gate  # isort: skip
from api.proxy import serve as proxy  # isort: skip
from api.streams import sse  # isort: skip
from api.streams.consumers import sockets  # isort: skip

http = Gate(Bridge(wsgi, workers=settings.CONFIG.server.api_threads))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand each kind of connection to what serves it."""
    if scope["type"] != "lifespan" and proxy.is_served(scope):
        await (proxy.http if scope["type"] == "http" else proxy.websocket)(scope, receive, send)
    elif scope["type"] == "http":
        await (sse.serve if sse.streams(scope) else http)(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    else:
        await sockets(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
