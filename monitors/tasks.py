"""Celery tasks of the monitors."""

from __future__ import annotations

from monitors.usage import sample_usage
from polyaxon.queues import app
from scheduler.passes.guard import guarded
from scheduler.turns import one_at_a_time


@app.task(name="monitors.usage")
@one_at_a_time
def usage_pass() -> None:
    guarded(sample_usage)
