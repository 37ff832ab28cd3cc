"""Celery tasks of the monitors."""

from __future__ import annotations

from monitors.cluster import refresh_cluster
from monitors.usage import sample_usage
from polyaxon.health import pings
from polyaxon.queues import app
from scheduler.passes.guard import guarded
from scheduler.turns import one_at_a_time


@app.task(name="monitors.usage")
@one_at_a_time
def usage_pass() -> None:
    guarded(sample_usage)


@app.task(name="monitors.cluster")
@one_at_a_time
def cluster_pass() -> None:
    guarded(refresh_cluster)


@app.task(name=pings.TASK)
def ping(first: int, second: int, reply_to: str) -> None:
    pings.answer(first, second, reply_to)
