"""What pods of runs take: CPU and memory as the kubelets measure them, GPUs as NVIDIA's exporter does."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from monitors import gpus
from polyaxon.db.models import ExperimentJob, MetricSeries, PodState
from polyaxon.pods.seen import PodPhase
from polyaxon.stores.series import Measured, Row, ingest
from scheduler.passes.replica_statuses import place
from scheduler.runners.base import RunnerError, Usage
from scheduler.runners.kubernetes.api import ClusterApi, NotThere
from scheduler.runners.kubernetes.usage import read

logger = logging.getLogger(__name__)

AT_ONCE = 8  # nodes that are asked at the same time
CHUNK = 100  # runs stored by one transaction: others are to come in between


class PodSampler:
    """Samples every running pod. Remembers what it took last, so that a measurement is kept once."""

    def __init__(self, api: ClusterApi, *, gpu_namespace: str = "", gpu_selector: str = "") -> None:
        self._api = api
        self._gpu_namespace = gpu_namespace
        self._gpu_selector = gpu_selector
        self._last: dict[str, datetime] = {}

    def sample(self) -> int:
        """Take a sample of each running pod that has a new one; returns how many."""
        running = PodState.objects.filter(phase=PodPhase.RUNNING, is_gone=False, forgotten_at=None).exclude(node=None)
        by_node: dict[str, list[PodState]] = defaultdict(list)
        for pod in running.exclude(node=""):
            by_node[pod.node or ""].append(pod)
        if not by_node:
            return 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            exporters = pool.submit(self._gpus)
            summaries = list(pool.map(self._api.node_summary, by_node))
        usages = {uid: usage for summary in summaries for uid, usage in read(summary).items()}
        return self._store([pod for found in by_node.values() for pod in found], usages, exporters.result())

    def _store(
        self, pods: Iterable[PodState], usages: Mapping[str, Usage], found: Mapping[gpus.PodName, list[gpus.Gpu]]
    ) -> int:
        news = [(pod, usages[pod.uid]) for pod in pods if self._is_new(pod, usages.get(pod.uid))]
        for start in range(0, len(news), CHUNK):
            with transaction.atomic():
                for pod, usage in news[start : start + CHUNK]:
                    own = found.get(gpus.PodName(self._api.namespace, pod.name), [])
                    ingest(Measured(measured(pod), MetricSeries.RESOURCE), [_row(usage, own)])
        self._last = {uid: usage.sampled_at for uid, usage in usages.items()}
        return len(news)

    def _is_new(self, pod: PodState, usage: Usage | None) -> bool:
        return usage is not None and self._last.get(pod.uid) != usage.sampled_at

    def _gpus(self) -> dict[gpus.PodName, list[gpus.Gpu]]:
        """By pod, of all nodes that have an exporter; none where there is no exporter that we know of."""
        if not self._gpu_selector:
            return {}
        found: dict[gpus.PodName, list[gpus.Gpu]] = {}
        try:
            exporters = self._api.names_of_pods(self._gpu_namespace, self._gpu_selector)
            for name in exporters:
                found |= gpus.read(self._api.metrics_of_pod(self._gpu_namespace, name, gpus.PORT))
        except (RunnerError, NotThere) as error:
            logger.warning("GPUs are not measured: %s", error)
        return found


def measured(pod: PodState) -> UUID:
    """Whose resources these are: a replica's, for an experiment."""
    if pod.kind != "experiment":
        return pod.run
    return ExperimentJob.replica_uuid(pod.run, *place(pod))


def _row(usage: Usage, own: list[gpus.Gpu]) -> Row:
    values: dict[str, Any] = {
        "cpu_percent": float(usage.cpu_percent),
        "memory_bytes": float(usage.memory_bytes),
        "processes": float(usage.processes),
    }
    return Row(values=values | gpus.series(own), time=usage.sampled_at)
