"""The nodes of the cluster, kept up to date. With local runs the cluster is this machine."""

from __future__ import annotations

import os
import platform

import psutil
from django.conf import settings

from monitors.nodes import described
from polyaxon.actions.cluster import FoundNode, update_nodes
from polyaxon.db.models import Cluster, ClusterNode
from scheduler.configured import cluster_api


def refresh_cluster() -> bool:
    """Look at the cluster once; returns whether its nodes changed."""
    if settings.CONFIG.runner.runner_backend != "kubernetes":
        return update_nodes([this_machine()])
    api = cluster_api()
    found = [described(node, settings.CONFIG.kubernetes.k8s_gpu_resource_key) for node in api.nodes()]
    changed = update_nodes(found)
    Cluster.objects.exclude(version_api=(version := api.version())).update(version_api=version)
    return changed


def this_machine() -> FoundNode:
    """This machine as a node. Cores are those that this process may use, memory is all of it."""
    name = platform.node() or "localhost"
    return FoundNode(
        name=name,
        hostname=name,
        role=ClusterNode.MASTER,
        memory=psutil.virtual_memory().total,
        cpu=float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1),
        os_image=_system()[:128],
        kernel_version=platform.release()[:128],
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
