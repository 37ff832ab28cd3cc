"""A batch on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyaxon_client.workers.lanes import UPDATES, Item
from polyaxon_client.workers.values import to_json

if TYPE_CHECKING:
    from polyaxon_client.workers.target import Target
    from polyaxon_client.workers.wire import Reply, Wire


class Request:
    """A batch as a request. Its id stays the same however often it is sent: the server stores it once."""

    def __init__(self, batch: list[Item]) -> None:
        from uuid import uuid4  # noqa: PLC0415 - not needed before something is sent

        self._first = batch[0]
        self._batch = batch
        self.lane = batch[0].lane
        self._body: bytes | None = None
        self._empty = False
        self._headers = {} if self._first.lane == UPDATES else {"X-Polyaxon-Batch": uuid4().hex}
        if self._first.once:
            self._headers["Idempotency-Key"] = self._first.once
        self.refused_status = 0
        self.refused_body = b""

    def __str__(self) -> str:
        first = self._first
        return f"{first.method} {first.lane if first.suffix is None else first.suffix or 'update'}"

    def send(self, wire: Wire, timeout: float | None) -> Reply | None:
        """The answer, or ``None`` when there is nothing to send (any more)."""
        target = self._first.target
        if target is not None and not self._deliverable(target):
            return None
        if self._body is None:
            self._body = self._encoded()
        if self._empty:
            return None
        reply = wire.call(self._first.method, self._path(wire), self._body, self._headers, timeout)
        if reply.ok and self._first.on_reply is not None:
            self._first.on_reply(reply.body)
        return reply

    def _deliverable(self, target: Target) -> bool:
        creates = self._first.lane == UPDATES and self._first.suffix is None
        return target.alive and (creates or target.entity_id is not None)

    def bury(self) -> None:
        """A target that could not be created takes no more updates."""
        target = self._first.target
        if target is not None and target.entity_id is None:
            target.alive = False

    def _path(self, wire: Wire) -> str:
        first = self._first
        if first.target is None:
            return first.suffix or ""
        if first.lane != UPDATES:
            return first.target.path(wire, f"{first.lane}/")
        return first.target.collection(wire) if first.suffix is None else first.target.path(wire, first.suffix)

    def _encoded(self) -> bytes | None:
        if self._first.lane != UPDATES:
            return to_json([item.payload for item in self._batch])
        payload = self._first.payload
        if not callable(payload):
            return payload if payload is None else bytes(payload)
        found = payload()
        # Looked up in the background, and there was nothing to tell.
        self._empty = found is None
        return None if self._empty else to_json(found)
