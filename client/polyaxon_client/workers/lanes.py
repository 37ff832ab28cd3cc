"""What waits in memory: metrics and log lines in lanes of their own, so that they leave in batches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from polyaxon_client.workers.target import Target

METRICS = "metrics"
LOGS = "logs"
UPDATES = "updates"
FILES = "files"
SINGLE = frozenset({UPDATES, FILES})  # their items are never merged
LaneKey = tuple[str, int]
Point = tuple[float, Optional[int], dict[str, Any]]
"""Unix time in seconds, step, values by name."""


class Item:
    """One or several things to send.

    Attributes:
        lane: METRICS, LOGS, UPDATES or FILES.
        payload: a list of points, of log lines or of described files; of an update its decoded body, or a function
            that gives it.
        size: about how many bytes it takes on the wire.
        once: key under which the server makes nothing twice; empty for what makes nothing.
    """

    __slots__ = ("lane", "method", "once", "payload", "seq", "size", "suffix", "target")

    def __init__(
        self,
        lane: str,
        target: Target | None,
        payload: Any,
        *,
        size: int = 100,
        method: str = "POST",
        suffix: str | None = None,
        once: str = "",
    ) -> None:
        self.lane = lane
        self.target = target
        self.payload = payload
        self.size = size
        self.method = method
        self.suffix = suffix
        self.once = once
        self.seq = 0

    @property
    def key(self) -> LaneKey:
        # Updates share one lane: they arrive in the order in which they were made.
        return (self.lane, 0 if self.lane in SINGLE else id(self.target))

    @property
    def count(self) -> int:
        return 1 if self.lane in SINGLE else len(self.payload)


class Lanes:
    """First in, first out by lane; the lane whose first item is oldest comes next. Not thread-safe."""

    def __init__(self, batch_items: int = 5000, batch_bytes: int = 1024 * 1024) -> None:
        self._batch_items = batch_items
        self._batch_bytes = batch_bytes
        self._lanes: dict[LaneKey, deque[Item]] = {}
        self._seq = 0
        self._count = 0

    def __len__(self) -> int:
        """How many points, lines and updates wait."""
        return self._count

    def put(self, item: Item) -> None:
        self._seq += 1
        item.seq = self._seq
        self._count += item.count
        lane = self._lanes.get(item.key)
        if lane is None:
            # Never an empty lane, not even for a moment: a signal handler may interrupt this.
            self._lanes[item.key] = deque((item,))
        else:
            lane.append(item)

    def put_back(self, item: Item) -> None:
        """Return what was taken last to where it was."""
        self._count += item.count
        self._lanes.setdefault(item.key, deque()).appendleft(item)

    def take(self) -> Item | None:
        """The next to send: one update, or as many points or lines of one run as fit."""
        lane = self._oldest(self._lanes)
        if lane is None:
            return None
        first = self._pop(lane)
        if lane[0] in SINGLE or not self._follows(lane, first):
            return first
        batch = Item(first.lane, first.target, list(first.payload), size=first.size)
        batch.seq = first.seq
        while self._follows(lane, batch):
            item = self._pop(lane)
            batch.payload += item.payload
            batch.size += item.size
        return batch

    def drop(self, count: int) -> None:
        """Let the oldest ``count`` go."""
        while self._count and count > 0:
            # A status is worth more than a point: updates go only when nothing else is left.
            bulk = [key for key in self._lanes if key[0] not in SINGLE]
            oldest = self._oldest(bulk or list(self._lanes))
            if oldest is not None:
                count -= self._shorten(oldest, count)

    def _shorten(self, key: LaneKey, count: int) -> int:
        first = self._lanes[key][0]
        if first.count <= count:
            return self._pop(key).count
        first.size = first.size * (first.count - count) // first.count
        del first.payload[:count]
        self._count -= count
        return count

    def _follows(self, key: LaneKey, batch: Item) -> bool:
        lane = self._lanes.get(key)
        return (
            lane is not None
            and batch.count + lane[0].count <= self._batch_items
            and batch.size + lane[0].size <= self._batch_bytes
        )

    def _oldest(self, keys: Any) -> LaneKey | None:
        return min(keys, key=lambda key: self._lanes[key][0].seq, default=None)

    def _pop(self, key: LaneKey) -> Item:
        lane = self._lanes[key]
        item = lane.popleft()
        self._count -= item.count
        if not lane:
            del self._lanes[key]
        return item
