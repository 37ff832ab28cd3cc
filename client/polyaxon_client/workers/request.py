"""A batch or an update on its way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from polyaxon_client.workers import shapes
from polyaxon_client.workers.lanes import FILES, METRICS, SINGLE, UPDATES, Item
from polyaxon_client.workers.values import json_safe, to_json

if TYPE_CHECKING:
    from polyaxon_client.workers.target import Target
    from polyaxon_client.workers.wire import Reply, Wire

# What fits into one packet gains nothing.
COMPRESS_FROM = 1024
GZIP = 31


class Request:
    """What is sent at once. Its id stays the same however often it is sent: the server stores it once.

    Attributes:
        id: 32 hex digits.
        payload: as in :class:`Item`; of an update never a function.
        refused: status and body of an answer that ends the matter without success.
    """

    def __init__(self, item: Item, request_id: str | None = None) -> None:
        from uuid import uuid4  # noqa: PLC0415 - not needed before something is sent

        self.lane, self.target, self.method, self.suffix = item.lane, item.target, item.method, item.suffix
        self.once = item.once
        self.id = request_id or uuid4().hex
        # Looked up in the background.
        self.payload = item.payload() if callable(item.payload) else item.payload
        # ... and perhaps there was nothing to tell.
        self.is_empty = callable(item.payload) and self.payload is None
        self.refused: tuple[int, bytes] | None = None
        self._body: tuple[bool, bytes | None, dict[str, str]] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.suffix or 'update' if self.lane == UPDATES else self.lane}"

    @property
    def count(self) -> int:
        return 1 if self.lane in SINGLE else len(self.payload)

    @property
    def creates(self) -> bool:
        return self.lane == UPDATES and self.suffix is None

    def send(self, wire: Wire, timeout: float | None) -> Reply | None:
        """The answer, or ``None`` when there is nothing to send (any more)."""
        if self.is_empty or (self.target is not None and not self._deliverable(self.target)):
            return None
        if self.lane == FILES and self.target is not None:
            from polyaxon_client.workers.files import send_files  # noqa: PLC0415 - as above

            return send_files(wire, self.target, self.payload, timeout)
        if self._body is None or self._body[0] != wire.is_modern:
            self._body = (wire.is_modern, *self._encoded(wire.is_modern))
        reply = wire.call(self.method, self._path(wire), *self._body[1:], timeout)
        if reply.ok and self.creates and self.target is not None:
            self.target.adopt(reply.body)
        return reply

    def halves(self) -> Iterator[Request]:
        """Two requests with half of it each, always the same two: one that was stored is not stored again."""
        from uuid import UUID, uuid5  # noqa: PLC0415

        middle = len(self.payload) // 2
        for name, part in (("0", self.payload[:middle]), ("1", self.payload[middle:])):
            yield Request(Item(self.lane, self.target, part), uuid5(UUID(self.id), name).hex)

    def bury(self) -> None:
        """A target that could not be created takes no more updates."""
        if self.target is not None and self.target.entity_id is None:
            self.target.alive = False

    def record(self, run: int | None) -> bytes:
        """One line of a recording; ``run`` is the number of the target in it."""
        kept: dict[str, Any] = {"id": self.id, "run": run, "lane": self.lane, "payload": json_safe(self.payload)}
        if self.lane == UPDATES:
            kept.update(method=self.method, suffix=self.suffix, once=self.once)
        return to_json(kept) + b"\n"

    @classmethod
    def from_record(cls, kept: dict[str, Any], targets: Sequence[Target]) -> Request:
        """Raises KeyError, IndexError, TypeError for what no recording has."""
        target = None if kept["run"] is None else targets[kept["run"]]
        payload = kept["payload"]
        if kept["lane"] == METRICS:
            payload = [(moment, step, values) for moment, step, values in payload]
        item = Item(
            kept["lane"],
            target,
            payload,
            method=kept.get("method", "POST"),
            suffix=kept.get("suffix"),
            once=kept.get("once", ""),
        )
        return cls(item, kept["id"])

    def _deliverable(self, target: Target) -> bool:
        return target.alive and (self.creates or target.entity_id is not None)

    def _path(self, wire: Wire) -> str:
        if self.target is None:
            return self.suffix or ""
        if self.lane != UPDATES:
            return self.target.path(wire, f"{self.lane}/")
        return self.target.collection(wire) if self.suffix is None else self.target.path(wire, self.suffix)

    def _encoded(self, modern: bool) -> tuple[bytes | None, dict[str, str]]:
        if self.lane == UPDATES:
            body = None if self.payload is None else to_json(self.payload)
            return body, {"Idempotency-Key": self.once} if self.once else {}
        body = self._bulk(modern)
        headers = {"X-Polyaxon-Batch": self.id}
        if not modern or len(body) < COMPRESS_FROM:
            return body, headers
        import zlib  # noqa: PLC0415 - as above

        packer = zlib.compressobj(1, zlib.DEFLATED, GZIP)
        return packer.compress(body) + packer.flush(), {**headers, "Content-Encoding": "gzip"}

    def _bulk(self, modern: bool) -> bytes:
        if self.lane != METRICS:
            return to_json(self.payload)
        columns = shapes.columns_body(self.payload) if modern else None
        return shapes.rows_body(self.payload) if columns is None else columns
