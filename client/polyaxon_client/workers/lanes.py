"""The bounded queue: metrics and log lines wait in lanes of their own, so that they leave in batches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from polyaxon_client.workers.target import Target

METRICS = "metrics"
LOGS = "logs"
UPDATES = "updates"
LaneKey = tuple[str, int]


class Item:
    """One thing to send.

    Attributes:
        lane: METRICS, LOGS or UPDATES.
        payload: a metric point, a log line, the encoded body of an update, or a function that gives it.
        size: about how many bytes it takes on the wire.
        on_reply: called with the body of a positive answer.
        once: key under which the server makes nothing twice; empty for what makes nothing.
    """

    __slots__ = ("lane", "method", "on_reply", "once", "payload", "seq", "size", "suffix", "target")

    def __init__(
        self,
        lane: str,
        target: Target | None,
        payload: Any,
        *,
        size: int = 100,
        method: str = "POST",
        suffix: str | None = None,
        on_reply: Callable[[bytes], None] | None = None,
        once: str = "",
    ) -> None:
        self.lane = lane
        self.target = target
        self.payload = payload
        self.size = size
        self.method = method
        self.suffix = suffix
        self.on_reply = on_reply
        self.once = once
        self.seq = 0

    @property
    def key(self) -> LaneKey:
        # Updates share one lane: they arrive in the order in which they were made.
        return (self.lane, 0 if self.lane == UPDATES else id(self.target))


class Lanes:
    """First in, first out by lane; the lane whose first item is oldest comes next. Not thread-safe."""

    def __init__(self, limit: int, batch_items: int = 1000, batch_bytes: int = 512 * 1024) -> None:
        self._limit = limit
        self._batch_items = batch_items
        self._batch_bytes = batch_bytes
        self._lanes: dict[LaneKey, deque[Item]] = {}
        self._seq = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def put(self, item: Item) -> bool:
        """Append; false when the oldest item had to go to make room."""
        fits = len(self) < self._limit
        if not fits:
            self._drop_oldest()
        self._seq += 1
        item.seq = self._seq
        lane = self._lanes.get(item.key)
        if lane is None:
            # Never an empty lane, not even for a moment: a signal handler may interrupt this.
            self._lanes[item.key] = deque((item,))
        else:
            lane.append(item)
        return fits

    def take(self) -> list[Item]:
        """The next batch: one update, or as many points or lines of one run as fit; or empty."""
        lane = self._oldest(self._lanes)
        if lane is None:
            return []
        batch = [self._pop(lane)]
        size = batch[0].size
        while self._lanes.get(lane) and lane[0] != UPDATES and len(batch) < self._batch_items:
            size += self._lanes[lane][0].size
            if size > self._batch_bytes:
                break
            batch.append(self._pop(lane))
        return batch

    def _oldest(self, keys: Any) -> LaneKey | None:
        return min(keys, key=lambda key: self._lanes[key][0].seq, default=None)

    def _pop(self, key: LaneKey) -> Item:
        lane = self._lanes[key]
        item = lane.popleft()
        if not lane:
            del self._lanes[key]
        return item

    def _drop_oldest(self) -> None:
        # A status is worth more than a point: updates go only when nothing else is left.
        bulk = [key for key in self._lanes if key[0] != UPDATES]
        oldest = self._oldest(bulk or list(self._lanes))
        if oldest is not None:
            self._pop(oldest)
