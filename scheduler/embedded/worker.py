"""Celery's worker and beat as threads of this process, on the in-memory broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import beat
from celery.worker import WorkController
from django.conf import settings

from polyaxon.queues import app
from scheduler.schedule import timetable

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0  # seconds


@contextmanager
def worker_and_beat() -> Iterator[None]:
    """Run both while the block runs; passes under way end before it does."""
    app.autodiscover_tasks(["scheduler", "monitors"], force=True)
    app.conf.beat_schedule = timetable(settings.CONFIG)
    worker = _worker()
    ready = threading.Thread(target=worker.start, name="worker", daemon=True)
    clock = beat.Service(app, max_interval=0.1, scheduler_cls=beat.Scheduler)  # type: ignore[arg-type] # seconds
    ticking = threading.Thread(target=clock.start, kwargs={"embedded_process": False}, name="beat", daemon=True)
    ready.start()
    ticking.start()
    try:
        yield
    finally:
        clock.stop()
        worker.stop(in_sighandler=False)
        for thread in (ticking, ready):
            thread.join(STOP_TIMEOUT)


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
