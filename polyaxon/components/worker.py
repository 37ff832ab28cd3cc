"""Celery's worker in a thread of this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery.signals import task_postrun, task_prerun
from celery.worker import WorkController
from django.conf import settings
from django.db import close_old_connections

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


@task_prerun.connect
@task_postrun.connect
def _tend_connections(**_: Any) -> None:
    """Passes share their thread's connection, as requests do: a new one costs the database more than many a pass.

    One that is broken, or older than `POLYAXON_DB_CONN_MAX_AGE`, is closed.
    """
    close_old_connections()


def is_connected(worker: WorkController) -> bool:
    """Whether it has a connection to the broker now."""
    connection = getattr(getattr(worker, "consumer", None), "connection", None)
    return bool(connection is not None and connection.connected)
