"""What processes tell Prometheus, beside what its client tells of every process (memory, processor time, files)."""

from __future__ import annotations

import time
from typing import Any

from celery.signals import task_postrun, task_prerun
from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds

LEASE_HELD = Gauge("polyaxon_lease_held", "Whether this process holds the lease.", ["lease"])
LEASES_LOST = Counter("polyaxon_leases_lost", "Leases that another process took over.", ["lease"])
WAKE_UPS = Counter("polyaxon_wake_ups", "Messages to workers, and whether the broker took them.", ["task", "sent"])
PASS_SECONDS = Histogram("polyaxon_pass_seconds", "Time that passes took.", ["task", "state"], buckets=_FAST)
LAST_PASS = Gauge("polyaxon_last_pass_timestamp_seconds", "When a pass last ended.", ["task"])

_begun: dict[str, float] = {}


@task_prerun.connect
def _before(task_id: str = "", **_: Any) -> None:
    _begun[task_id] = time.monotonic()


@task_postrun.connect
def _after(task_id: str = "", task: Any = None, state: str | None = None, **_: Any) -> None:
    begun = _begun.pop(task_id, None)
    if begun is not None and task is not None:
        PASS_SECONDS.labels(task.name, (state or "unknown").lower()).observe(time.monotonic() - begun)
        LAST_PASS.labels(task.name).set_to_current_time()
