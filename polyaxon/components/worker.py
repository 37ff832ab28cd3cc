"""Celery's worker in a thread of this process."""

from __future__ import annotations

from collections.abc import Sequence

from celery.worker import WorkController
from django.conf import settings

from polyaxon.queues import app

ROOMS = ["scheduler", "monitors"]  # that have tasks


def discover_tasks() -> None:
    """Register all tasks."""
    app.autodiscover_tasks(ROOMS, force=True)


def thread_worker(queues: Sequence[str], name: str) -> WorkController:
    """A worker that takes messages of `queues`, whose passes are threads."""
    discover_tasks()
    return app.WorkController(
        concurrency=settings.CONFIG.scheduler.worker_threads,
        pool="threads",
        queues=list(queues),
        hostname=name,
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )


def is_connected(worker: WorkController) -> bool:
    """Whether it has a connection to the broker now."""
    connection = getattr(getattr(worker, "consumer", None), "connection", None)
    return bool(connection is not None and connection.connected)
