"""The last sample of what runs take, in the words of the interface."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import psutil

from polyaxon.db.models import Experiment, ExperimentJob, Job, MetricSeries
from polyaxon.stores.series import loaded


def experiment_samples(experiment: Experiment) -> list[dict[str, Any]]:
    """One message for each replica that was measured."""
    replicas = list(experiment.jobs.order_by("id"))
    samples = _samples([replica.uuid for replica in replicas])
    return [replica_message(row, experiment, samples[row.uuid]) for row in replicas if row.uuid in samples]


def replica_sample(replica: ExperimentJob) -> dict[str, Any] | None:
    """The message of one replica; None before the first sample."""
    sample = _samples([replica.uuid]).get(replica.uuid)
    return None if sample is None else replica_message(replica, replica.experiment, sample)


def job_sample(job: Job) -> dict[str, Any] | None:
    """The message of a job. Clients want some experiment: it is the job's own uuid."""
    sample = _samples([job.uuid]).get(job.uuid)
    return None if sample is None else _message(job.uuid, job.uuid, f"job.{job.pk}", job.pod_id, sample)


def replica_message(replica: ExperimentJob, experiment: Experiment, sample: dict[str, float]) -> dict[str, Any]:
    pod = f"plx-{experiment.uuid.hex}-{replica.role}-{replica.sequence}"
    return _message(replica.uuid, experiment.uuid, f"{replica.role}.{replica.pk}", pod, sample)


def _message(
    run: uuid.UUID, experiment: uuid.UUID, name: str, container: str, sample: dict[str, float]
) -> dict[str, Any]:
    return {
        "job_uuid": run.hex,
        "experiment_uuid": experiment.hex,
        "job_name": name,
        "container_id": container,
        # Runs share the machine of the server, and nothing limits them further.
        "n_cpus": psutil.cpu_count() or 1,
        "cpu_percentage": sample.get("cpu_percent", 0.0),
        "percpu_percentage": [],
        "memory_used": int(sample.get("memory_bytes", 0.0)),
        "memory_limit": psutil.virtual_memory().total,
        "gpu_resources": None,
    }


def _samples(runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, float]]:
    found: dict[uuid.UUID, dict[str, float]] = {}
    rows = MetricSeries.objects.filter(run__in=runs, kind=MetricSeries.RESOURCE)
    for run, name, last in rows.values_list("run", "name", "last"):
        found.setdefault(run, {})[name] = loaded(last)
    return found
