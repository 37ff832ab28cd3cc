"""The runner that the configuration names, one per process: it remembers what it measured last."""

from __future__ import annotations

import functools
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from polyaxon import storage
from scheduler.runners.base import Runner
from scheduler.runners.local.runner import LocalRunner

if TYPE_CHECKING:
    from scheduler.runners.kubernetes.api import ClusterApi


@functools.cache
def configured_runner() -> Runner:
    """The runner of this installation. Raises `RunnerError` while there is no access to the cluster."""
    if settings.CONFIG.on_cluster:
        return _cluster_runner()
    # Commands find the Python that the platform itself runs on, with the tracking client in it.
    return LocalRunner(storage.runs_root(), python_path=[Path(sys.executable).parent])


@functools.cache
def cluster_api() -> ClusterApi:
    """The interface of the cluster, whose requests share one limit. Raises `RunnerError` while there is no access."""
    # The client library takes a second to import, which servers without a cluster need not wait.
    from scheduler.runners.kubernetes.api import ClusterApi, connect  # noqa: PLC0415
    from scheduler.runners.kubernetes.limits import TokenBucket  # noqa: PLC0415

    config = settings.CONFIG.kubernetes
    bucket = TokenBucket(config.k8s_requests_per_second, config.k8s_requests_burst)
    return ClusterApi(connect(config.k8s_kubeconfig, config.k8s_context), config.k8s_namespace, bucket)


def _cluster_runner() -> Runner:
    from polyaxon.pods.database import DatabasePodStore  # noqa: PLC0415 - as above
    from scheduler.runners.kubernetes.runner import ClusterRunner  # noqa: PLC0415
    from scheduler.runners.kubernetes.settings import cluster_settings  # noqa: PLC0415
    from scheduler.runners.kubernetes.verdict import Patience  # noqa: PLC0415

    config = settings.CONFIG.kubernetes
    patience = Patience(
        image=timedelta(seconds=config.k8s_image_patience),
        config=timedelta(seconds=config.k8s_config_patience),
        node=timedelta(seconds=config.k8s_node_patience),
    )
    return ClusterRunner(
        cluster_api(), DatabasePodStore(), lambda: cluster_settings(settings.CONFIG), patience=patience
    )
