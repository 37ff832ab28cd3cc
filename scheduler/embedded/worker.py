"""Celery's worker and the periodic passes as threads of this process."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from celery.worker import WorkController
from django.conf import settings

from polyaxon.queues import app
from scheduler.embedded.ticker import Ticker
from scheduler.schedule import timetable

if TYPE_CHECKING:
    from monitors.logs.shipper import LogShipper

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0  # seconds


class Workers:
    """All threads. `on_death` is called with the name of one that ends without having been told to."""

    def __init__(self, on_death: Callable[[str], None]) -> None:
        app.autodiscover_tasks(["scheduler", "monitors"], force=True)
        self._on_death = on_death
        self._stopping = threading.Event()
        self._worker = _worker()
        self._tickers = [
            Ticker(name, app.tasks[name], float(entry["schedule"]))
            for name, entry in timetable(settings.CONFIG).items()
        ]
        if settings.CONFIG.runner.runner_backend == "kubernetes":
            self._tickers.append(Ticker("monitors.logs", _ship_logs, settings.CONFIG.kubernetes.k8s_logs_interval))
        self._threads = [
            self._watched("worker", self._worker.start),
            *(self._watched(ticker.name, ticker.run) for ticker in self._tickers),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """Let the passes under way end; whether they did within `timeout` seconds."""
        self._stopping.set()
        for ticker in self._tickers:
            ticker.stop()
        # In a thread of its own: it waits for the worker's passes, however long they take.
        ending = threading.Thread(target=self._worker.stop, name="worker-stop", daemon=True)
        ending.start()
        deadline = time.monotonic() + timeout
        waited_for = [ending, *self._threads]
        for thread in waited_for:
            thread.join(max(0.0, deadline - time.monotonic()))
        if _shipper.cache_info().currsize:
            _shipper().stop()
        return not any(thread.is_alive() for thread in waited_for)

    def _watched(self, name: str, work: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException:
                logger.exception("The thread %s failed", name)
            if not self._stopping.is_set():
                self._on_death(name)

        return threading.Thread(target=run, name=name, daemon=True)


@functools.cache
def _shipper() -> LogShipper:
    from monitors.logs.shipper import configured_shipper  # noqa: PLC0415 - the client library takes a second

    return configured_shipper()


def _ship_logs() -> None:
    _shipper().run_once()


def _worker() -> WorkController:
    return app.WorkController(
        concurrency=settings.CONFIG.scheduler.worker_threads,
        pool="threads",
        hostname="embedded",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
