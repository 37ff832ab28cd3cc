"""The last sample of what runs take, in the words of the interface."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from polyaxon.db.models import ClusterNode, Experiment, ExperimentJob, Job, MetricSeries
from polyaxon.stores.series import loaded

MIB = 1024 * 1024
_GPU = re.compile(r"gpu_(\d+)_(\w+)")


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
    if sample is None:
        return None
    place = _Place(f"job.{job.pk}", job.pod_id, job.resources, job.node_scheduled)
    return _message(job.uuid, job.uuid, place, sample)


def replica_message(replica: ExperimentJob, experiment: Experiment, sample: dict[str, float]) -> dict[str, Any]:
    pod = f"plx-{experiment.uuid.hex}-{replica.role}-{replica.sequence}"
    place = _Place(f"{replica.role}.{replica.pk}", pod, replica.resources, replica.node_scheduled)
    return _message(replica.uuid, experiment.uuid, place, sample)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a run is called, what it may use at most, and where it is: None on the server's own machine."""

    name: str
    container: str
    resources: Mapping[str, Any] | None
    node: str | None

    def limit(self, kind: str) -> float | None:
        """What its file allows, which only a cluster enforces."""
        bounds = (self.resources or {}).get(kind) or {}
        return bounds.get("limits") if self.node else None


def _message(run: uuid.UUID, experiment: uuid.UUID, place: _Place, sample: dict[str, float]) -> dict[str, Any]:
    n_cpus, memory = _room(place)
    return {
        "job_uuid": run.hex,
        "experiment_uuid": experiment.hex,
        "job_name": place.name,
        "container_id": place.container,
        "n_cpus": n_cpus,
        "cpu_percentage": sample.get("cpu_percent", 0.0),
        "percpu_percentage": [],
        "memory_used": int(sample.get("memory_bytes", 0.0)),
        "memory_limit": memory,
        "gpu_resources": gpu_messages(sample),
    }


def _room(place: _Place) -> tuple[int, int]:
    """Cores, rounded up, and bytes of memory: its own limits, else all that its node has."""
    n_cpus, memory = _machine(place.node)
    own_cpus, own_memory = place.limit("cpu"), place.limit("memory")
    return (
        math.ceil(own_cpus) if own_cpus else n_cpus,
        int(own_memory * MIB) if own_memory else memory,
    )


def _machine(name: str | None) -> tuple[int, int]:
    """Runs of the server's own machine share it, and nothing limits them further."""
    node = ClusterNode.objects.filter(name=name, is_current=True).first() if name else None
    if node is not None:
        return math.ceil(node.cpu), node.memory
    return psutil.cpu_count() or 1, psutil.virtual_memory().total


def gpu_messages(sample: Mapping[str, float]) -> list[dict[str, Any]] | None:
    """The GPUs of a sample, counted from 0; None for a run that has none, or whose GPUs are not measured."""
    found: dict[int, dict[str, float]] = {}
    for name, value in sample.items():
        if parts := _GPU.fullmatch(name):
            found.setdefault(int(parts[1]), {})[parts[2]] = value
    return [_gpu_message(index, found[index]) for index in sorted(found)] or None


def _gpu_message(index: int, values: Mapping[str, float]) -> dict[str, Any]:
    used, free = int(values.get("memory_bytes", 0)), int(values.get("memory_free_bytes", 0))
    total = used + free
    return {
        "index": index,
        "uuid": "",
        "name": "",
        "minor": index,
        "bus_id": "",
        "serial": "",
        "temperature_gpu": values.get("celsius", 0.0),
        "utilization_gpu": values.get("percent", 0.0),
        "power_draw": values.get("watts", 0.0),
        "power_limit": 0.0,
        "memory_free": free,
        "memory_used": used,
        "memory_total": total,
        "memory_utilization": 100 * used / total if total else 0.0,
        "processes": [],
    }


def _samples(runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, float]]:
    found: dict[uuid.UUID, dict[str, float]] = {}
    rows = MetricSeries.objects.filter(run__in=runs, kind=MetricSeries.RESOURCE)
    for run, name, last in rows.values_list("run", "name", "last"):
        found.setdefault(run, {})[name] = loaded(last)
    return found
