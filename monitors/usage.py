"""CPU and memory of running runs, kept as metric series of kind `resource`."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction

from polyaxon.db.models import Experiment, ExperimentJob, MetricSeries
from polyaxon.lifecycles import tables as s
from polyaxon.stores.series import Measured, Row, ingest
from scheduler.configured import configured_runner
from scheduler.passes import queue
from scheduler.runners.base import Usage

logger = logging.getLogger(__name__)


def sample_usage() -> int:
    """Take one sample of every running run; returns how many."""
    runner = configured_runner()
    samples: list[tuple[UUID, Usage]] = []
    for model in queue.KINDS:
        for run in queue.under_way(model).filter(status=s.RUNNING):
            usage = runner.usage(run.uuid.hex, run.attempt)
            if usage is not None:
                samples.append((measured(run), usage))
    with transaction.atomic():  # one commit for all
        for run_uuid, usage in samples:
            ingest(Measured(run_uuid, MetricSeries.RESOURCE), [_row(usage)])
    return len(samples)


def measured(run: queue.Run) -> UUID:
    """Whose resources these are: a replica's, for an experiment."""
    if isinstance(run, Experiment):
        return ExperimentJob.replica_uuid(run.uuid, ExperimentJob.MASTER, 0)
    return run.uuid


def _row(usage: Usage) -> Row:
    values = {
        "cpu_percent": float(usage.cpu_percent),
        "memory_bytes": float(usage.memory_bytes),
        "processes": float(usage.processes),
    }
    return Row(values=values, time=usage.sampled_at)
