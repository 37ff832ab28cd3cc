"""Samples for sockets, read once for all who watch the same run."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from api.streams.access import in_thread
from api.streams.targets import ResourceTarget
from polyaxon.actions import resources
from polyaxon.db.models import Experiment, ExperimentJob, Job

FRESH_SECONDS = 1.0
MOST_KEPT = 1000


class Sample(NamedTuple):
    """What a run takes now: the message or messages, None or empty before the first, and whether there come more."""

    content: Any
    done: bool


class Samples:
    """Remembers what it read for a second."""

    def __init__(self) -> None:
        self._read: dict[ResourceTarget, tuple[float, Sample]] = {}

    async def of(self, target: ResourceTarget) -> Sample:
        """The newest sample, up to a second old."""
        now = time.monotonic()
        kept = self._read.get(target)
        if kept is None or now - kept[0] > FRESH_SECONDS:
            if len(self._read) > MOST_KEPT:
                self._read.clear()
            kept = self._read[target] = (now, await _sample(target))
        return kept[1]


@in_thread
def _sample(target: ResourceTarget) -> Sample:
    row: Any = target.model._base_manager.filter(pk=target.pk).first()
    return Sample(_content(row), done=row is None or row.is_done)


def _content(row: Any) -> Any:
    if isinstance(row, Experiment):
        return resources.experiment_samples(row)
    if isinstance(row, ExperimentJob):
        return resources.replica_sample(row)
    return resources.job_sample(row) if isinstance(row, Job) else None


samples = Samples()
