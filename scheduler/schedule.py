"""The timetable of periodic passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from polyaxon.settings.config import Config

# Every pass is due when the clock starts.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

EXPIRY_INTERVAL = 300.0  # seconds
SWEEP_INTERVAL = 3600.0
IDLE_INTERVAL = 15.0
TIDY_INTERVAL = 10.0
STATISTICS_INTERVAL = 5.0
REPLICAS_INTERVAL = 1.0
# Of searches that look at what their trials report while they run. Reports themselves wake nobody: they come too often.
SEARCHES_INTERVAL = 2.0


def timetable(config: Config) -> dict[str, dict[str, Any]]:
    """Celery beat's schedule. A message that nobody took before the next one is due is void."""
    # Pods are watched, and whatever becomes of one wakes its run. Processes have to be looked at.
    follow = {} if config.on_cluster else {"scheduler.sync": config.scheduler.sync_interval}
    intervals = follow | {
        "scheduler.reconcile": config.scheduler.reconcile_interval,
        "scheduler.tidy": max(config.scheduler.reconcile_interval, TIDY_INTERVAL),
        "scheduler.searches": SEARCHES_INTERVAL,
        "scheduler.statistics": STATISTICS_INTERVAL,
        "scheduler.expire": EXPIRY_INTERVAL,
        "scheduler.sweep": SWEEP_INTERVAL,
        "scheduler.idle": IDLE_INTERVAL,
        "scheduler.webhooks": config.webhooks.webhooks_interval,
        "monitors.usage": config.runner.usage_interval,
        "monitors.cluster": config.intervals.intervals_clusters_update_system_nodes,
    }
    if config.on_cluster:
        intervals["scheduler.replicas"] = max(config.scheduler.sync_interval, REPLICAS_INTERVAL)
    return {
        task: {
            "task": task,
            "schedule": seconds,
            "options": {"expires": max(seconds, 1.0)},
            "last_run_at": LONG_AGO,
        }
        for task, seconds in intervals.items()
    }
