"""The timetable of periodic passes."""

from __future__ import annotations

from typing import Any

from polyaxon.settings.config import Config


def timetable(config: Config) -> dict[str, dict[str, Any]]:
    """Celery beat's schedule. A message that nobody took before the next one is due is void."""
    intervals = {
        "scheduler.sync": config.scheduler.sync_interval,
        "scheduler.reconcile": config.scheduler.reconcile_interval,
        "monitors.usage": config.runner.usage_interval,
    }
    return {
        task: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 1.0)}}
        for task, seconds in intervals.items()
    }
