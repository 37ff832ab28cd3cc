"""Celery's worker, the periodic passes and the loops of all components as threads of this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from celery.worker import WorkController
from django.conf import settings

from polyaxon.components.loops import Loops
from polyaxon.components.registry import COMPONENTS, loops
from polyaxon.components.worker import discover_tasks, thread_worker
from polyaxon.queues import QUEUES, app
from scheduler.embedded.ticker import Ticker
from scheduler.schedule import timetable

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0  # seconds


class Workers:
    """All threads. `on_death` is called with what is wrong with one that ends without having been told to."""

    def __init__(self, on_death: Callable[[str], None]) -> None:
        discover_tasks()
        self._on_death = on_death
        self._stopping = threading.Event()
        self._worker = _worker()
        self._tickers = [
            Ticker(name, app.tasks[name], float(entry["schedule"]))
            for name, entry in timetable(settings.CONFIG).items()
        ]
        # Passes come from the tickers, so the loop of `beat` is left out. Of those with leases all others have none.
        self._loops = Loops(
            loops(*(name for name in COMPONENTS if name != "beat")),
            seconds=settings.CONFIG.components.lease_seconds,
            on_death=on_death,
            on_hang=on_death,
        )
        self._threads = [
            self._watched("worker", self._worker.start),
            *(self._watched(ticker.name, ticker.run) for ticker in self._tickers),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._loops.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """Let the passes under way end; whether they did within `timeout` seconds."""
        self._stopping.set()
        for ticker in self._tickers:
            ticker.stop()
        # In a thread of its own: it waits for the worker's passes, however long they take.
        ending = threading.Thread(target=self._worker.stop, name="worker-stop", daemon=True)
        ending.start()
        deadline = time.monotonic() + timeout
        loops_ended = self._loops.stop(timeout)
        waited_for = [ending, *self._threads]
        for thread in waited_for:
            thread.join(max(0.0, deadline - time.monotonic()))
        return loops_ended and not any(thread.is_alive() for thread in waited_for)

    def _watched(self, name: str, work: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException:
                logger.exception("The thread %s failed", name)
            if not self._stopping.is_set():
                self._on_death(f"The {name} thread ended by itself")

        return threading.Thread(target=run, name=name, daemon=True)


def _worker() -> WorkController:
    return thread_worker(QUEUES, "embedded")
