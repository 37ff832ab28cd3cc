"""A watch that is read by a thread, so that what comes while rows are written is written together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from k8s_events.source import Json, Watched

MOST = 2000  # events that wait, and that are handed over at once
IDLE = 1.0  # seconds after which an empty batch is handed over
GATHER = 0.25  # seconds from one batch to the next while much comes; what comes alone waits for nothing


class Batches:
    """An iterator of lists of events, empty ones included; ends with the watch, or raises what ended it."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._queue: queue.Queue[Json | Exception | None] = queue.Queue(MOST)
        self._due = 0.0  # when the next batch may be handed over
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="pods-watch", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[list[Json]]:
        while True:
            batch, end = self._next()
            if batch or end == "":
                yield batch
            if isinstance(end, Exception):
                raise end
            if end is None:
                return

    def close(self) -> None:
        """End the watch and its thread."""
        self._closed.set()
        self._watched.cut()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.05)
        self._watched.close()

    def _next(self) -> tuple[list[Json], Exception | str | None]:
        """What has come; and "" if more may come, None or an error if not."""
        batch: list[Json] = []
        deadline = time.monotonic() + IDLE
        while len(batch) < MOST:
            until = self._due if batch else deadline
            try:
                one = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if not isinstance(one, dict):
                return batch, one
            batch.append(one)
        if batch:
            self._due = time.monotonic() + GATHER
        return batch, ""

    def _read(self) -> None:
        try:
            for event in self._watched:
                self._queue.put(event)
                if self._closed.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - raised by whoever takes the batches
            self._queue.put(error)
        else:
            self._queue.put(None)

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
