"""What running runs take, kept as metric series of kind `resource`."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from polyaxon.db.models import Experiment, ExperimentJob, MetricSeries
from polyaxon.lifecycles import tables as s
from polyaxon.stores.series import Measured, Row, ingest
from scheduler.configured import cluster_api, configured_runner
from scheduler.passes import queue
from scheduler.runners.base import Usage

if TYPE_CHECKING:
    from monitors.pods import PodSampler

logger = logging.getLogger(__name__)


def sample_usage() -> int:
    """Take one sample of every running run, of every replica in a cluster; returns how many."""
    on_cluster = settings.CONFIG.runner.runner_backend == "kubernetes"
    return _sampler().sample() if on_cluster else _sample_here()


@functools.cache
def _sampler() -> PodSampler:
    from monitors.pods import PodSampler  # noqa: PLC0415 - the client library takes a second to import

    config = settings.CONFIG.kubernetes
    return PodSampler(cluster_api(), gpu_namespace=config.k8s_dcgm_namespace, gpu_selector=config.k8s_dcgm_selector)


def _sample_here() -> int:
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
