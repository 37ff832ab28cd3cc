"""Samples for sockets, read once for all who watch the same run."""

from __future__ import annotations

import time
from typing import Any

from api.streams.access import in_thread
from api.streams.targets import ResourceTarget
from polyaxon.actions import resources
from polyaxon.db.models import Experiment, ExperimentJob, Job

FRESH_SECONDS = 1.0
MOST_KEPT = 1000


class Samples:
    """Remembers what it read for a second."""

    def __init__(self) -> None:
        self._read: dict[ResourceTarget, tuple[float, Any]] = {}

    async def of(self, target: ResourceTarget) -> Any:
        """The message or messages of a run; None or an empty list before the first sample."""
        now = time.monotonic()
        kept = self._read.get(target)
        if kept is None or now - kept[0] > FRESH_SECONDS:
            if len(self._read) > MOST_KEPT:
                self._read.clear()
            kept = self._read[target] = (now, await _sample(target))
        return kept[1]


@in_thread
def _sample(target: ResourceTarget) -> Any:
    row = target.model._base_manager.filter(pk=target.pk).first()
    if isinstance(row, Experiment):
        return resources.experiment_samples(row)
    if isinstance(row, ExperimentJob):
        return resources.replica_sample(row)
    return resources.job_sample(row) if isinstance(row, Job) else None


samples = Samples()
