"""Sending a request until the matter is settled, and what is said about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from polyaxon_client.workers.lanes import LOGS, SINGLE
from polyaxon_client.workers.target import Unresolved
from polyaxon_client.workers.wire import Reply, Unreachable, Wire

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection
    from polyaxon_client.workers.request import Request

logger = logging.getLogger("polyaxon_client.tracking")

WRONG = frozenset({400, 415, 422})
TOO_LARGE_OR_WRONG = WRONG | {413}
# Servers of 0.6 take log lines of experiments only.
NO_SUCH_ROUTE = frozenset({404, 405})
TRY_AGAIN = frozenset({408, 409, 425, 429})  # 409: what was sent before is still worked on
SERVER_ERRORS = range(500, 600)
NOT_SENT = 0  # in the place of a status


def is_passing(status: int) -> bool:
    """Whether the same request may be answered otherwise later."""
    return status in TRY_AGAIN or status in SERVER_ERRORS


class Delivery:
    """Sends over one connection. Every kind of trouble is said once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.wire = Wire(connection)
        self._warned: set[str] = set()

    def settle(self, request: Request, timeout: float | None = None) -> float | None:
        """Send; ``None`` when the request arrived or never will, else the seconds that the server asks to wait."""
        wanted = self._attempt(request, timeout)
        if wanted is None and request.refused is not None:
            wanted = self._refused_once(request, timeout)
        return wanted

    def _refused_once(self, request: Request, timeout: float | None) -> float | None:
        status = request.refused[0] if request.refused else 0
        if request.lane not in SINGLE and self.wire.is_modern and status in WRONG:
            self.wire.is_modern = False
            wanted = self._attempt(request, timeout)
            # A refusal of both shapes is about the content.
            self.wire.is_modern = request.refused is not None or wanted is not None
            if wanted is not None or request.refused is None:
                return wanted
        if status in TOO_LARGE_OR_WRONG and request.lane not in SINGLE and request.count > 1:
            # One bad point must not take its neighbours along.
            for half in request.halves():
                wanted = self.settle(half, timeout)
                if wanted is not None:
                    return wanted
            return None
        self.refused(request, *(request.refused or (0, b"")))
        return None

    def refused(self, request: Request, status: int, body: bytes) -> None:
        """The server will never take it."""
        request.bury()
        if request.lane == LOGS and status in NO_SUCH_ROUTE:
            logger.info("tracking: this server takes no log lines for runs of this kind")
            return
        said = body[:300].decode("utf-8", errors="replace")
        if status == NOT_SENT:
            self.warn(f"internal-{said.partition('(')[0]}", f"{request} could not be sent: {said}")
            return
        self.warn(f"status-{status}", f"{request} was refused with {status}: {said}")

    def warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("tracking: %s (said once)", text)

    def _attempt(self, request: Request, timeout: float | None) -> float | None:
        request.refused = None
        try:
            reply = request.send(self.wire, timeout)
        except Unreachable as error:
            self.warn("connection", f"no connection to {self.connection.base_url}: {error}; trying again")
            return 0.0
        except Unresolved as error:
            reply = Reply(error.status, b"", 0.0)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, training goes on
            request.refused = (NOT_SENT, repr(error).encode())
            return None
        if reply is None or reply.ok:
            return None
        if is_passing(reply.status):
            self.warn(f"status-{reply.status}", f"{self.connection.base_url} answers {reply.status}; trying again")
            return reply.retry_after
        request.refused = (reply.status, reply.body)
        return None
