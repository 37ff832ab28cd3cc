"""Files go on threads and connections of their own, so that a large one holds up nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from polyaxon_client.workers.delivery import Delivery
from polyaxon_client.workers.request import Request

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection
    from polyaxon_client.workers.lanes import Item

THREADS = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
LOOK_AGAIN = 0.1


class Uploads:
    """Sends items of the lane FILES, several at once. Thread-safe.

    Args:
        connection: where to.
        limit: how many items may wait; the newest are refused when there are more.
    """

    def __init__(self, connection: Connection, limit: int = 10_000) -> None:
        self._connection = connection
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._under_way: list[Item] = []
        self._threads: list[threading.Thread] = []
        self._deadline: float | None = None

    def __len__(self) -> int:
        """How many items have not arrived."""
        return len(self._waiting) + len(self._under_way)

    def submit(self, item: Item) -> bool:
        """Queue an item; false when there are too many."""
        with self._changed:
            if len(self) >= self._limit:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            if len(self._threads) < THREADS:
                self._start()
            return True

    def flush(self, timeout: float) -> bool:
        """Wait until all arrived; false after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not len(self), timeout)

    def close(self, timeout: float) -> list[Item]:
        """Go on for ``timeout`` seconds; what did not arrive by then."""
        self._deadline = time.monotonic() + timeout
        with self._changed:
            self._changed.notify_all()
        if not self._threads and self._waiting:
            # None can be started while the interpreter shuts down.
            self._run()
        self.flush(max(0.0, self._deadline - time.monotonic()))
        with self._changed:
            left = [*self._under_way, *self._waiting]
            self._waiting.clear()
        return left

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="polyaxon-upload", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down: `close` sends
            return
        self._threads.append(thread)

    def _run(self) -> None:
        delivery = Delivery(self._connection)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._deadline is not None)
                if not self._waiting or self._expired():
                    break
                item = self._waiting.popleft()
                self._under_way.append(item)
            arrived = self._send(delivery, Request(item))
            with self._changed:
                if arrived:
                    self._under_way.remove(item)
                self._changed.notify_all()
        delivery.wire.close()

    def _send(self, delivery: Delivery, request: Request) -> bool:
        """Repeat until the matter is settled; false when the end came first."""
        pause, target = FIRST_PAUSE, request.target
        while not self._expired():
            if target is not None and target.alive and target.entity_id is None:
                self._sleep(LOOK_AGAIN)
                continue
            wanted = delivery.settle(request)
            if wanted is None:
                return True
            self._sleep(max(pause, wanted))
            pause = min(pause * 2, LONGEST_PAUSE)
        return False

    def _sleep(self, seconds: float) -> None:
        """The beginning of the end makes it short."""
        with self._changed:
            if self._deadline is None:
                self._changed.wait_for(lambda: self._deadline is not None, seconds)
                return
        time.sleep(max(0.0, min(seconds, 1.0, self._deadline - time.monotonic())))

    def _expired(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline
