"""The cluster and its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Sum
from django.utils import timezone

from polyaxon.db.models import Cluster, ClusterNode, NodeGPU
from polyaxon.db.models.cluster import THE_ONE
from polyaxon.errors import InvalidInput
from polyaxon.events import emit

GB = 1024**3


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node as the cluster, or this machine, describes it. Memory in bytes, CPU in cores."""

    name: str
    role: str
    memory: int
    cpu: float
    n_gpus: int = 0
    hostname: str | None = None
    docker_version: str | None = None
    kubelet_version: str = ""
    os_image: str = ""
    kernel_version: str = ""
    schedulable_taints: bool = True
    schedulable_state: bool = True
    status: str = ClusterNode.READY


def the_cluster() -> Cluster:
    """The one row, made when it is first asked for."""
    cluster, created = Cluster.objects.get_or_create(pk=THE_ONE)
    if created:
        emit("created", cluster, context={"version_api": cluster.version_api})
    return cluster


@transaction.atomic
def add_node(fields: dict[str, Any]) -> ClusterNode:
    """A node that somebody describes by hand. The next look at the cluster drops it if it is not there."""
    return _create(_locked(), fields)


@transaction.atomic
def change_node(node: ClusterNode, changes: dict[str, Any]) -> ClusterNode:
    """Describe a node otherwise."""
    for key, value in changes.items():
        setattr(node, key, value)
    node.save()
    emit("updated", node, context=_told(node))
    return node


@transaction.atomic
def remove_node(node: ClusterNode) -> None:
    """Forget a node with its GPUs."""
    emit("deleted", node, context=_told(node))
    node.delete()


def add_gpu(node: ClusterNode, fields: dict[str, Any]) -> NodeGPU:
    """A GPU of `node`. Raises `InvalidInput` if the index is taken."""
    return change_gpu(NodeGPU(cluster_node=node), fields)


def change_gpu(gpu: NodeGPU, changes: dict[str, Any]) -> NodeGPU:
    """Describe a GPU. Raises `InvalidInput` if the index is taken."""
    for key, value in changes.items():
        setattr(gpu, key, value)
    try:
        with transaction.atomic():
            gpu.save()
    except IntegrityError as error:
        raise InvalidInput(f"The node has a GPU {gpu.index} already.", field="index") from error
    return gpu


@transaction.atomic
def update_nodes(found: Sequence[FoundNode]) -> bool:
    """Make the current nodes those `found`; returns whether anything changed."""
    cluster = _locked()
    current = {node.name: node for node in cluster.nodes.filter(is_current=True)}
    changed = [_refresh(cluster, current.pop(item.name, None), item) for item in found]
    for node in current.values():
        node.is_current, node.status = False, ClusterNode.DELETED
        node.save()
        emit("deleted", node, context=_told(node))
    Cluster.objects.filter(pk=cluster.pk).update(checked_at=timezone.now())
    if any(changed) or current:
        emit("resources_updated", cluster, context=_resources(cluster))
    return any(changed) or bool(current)


def _locked() -> Cluster:
    return Cluster.objects.select_for_update(no_key=True).get(pk=the_cluster().pk)


def _create(cluster: Cluster, fields: dict[str, Any]) -> ClusterNode:
    last: int = cluster.nodes.aggregate(last=Max("sequence"))["last"] or 0
    node = ClusterNode.objects.create(cluster=cluster, sequence=last + 1, **fields)
    emit("created", node, context=_told(node))
    return node


def _refresh(cluster: Cluster, node: ClusterNode | None, found: FoundNode) -> bool:
    values = asdict(found)
    if node is None:
        _create(cluster, values)
        return True
    if all(getattr(node, key) == value for key, value in values.items()):
        return False
    change_node(node, values)
    return True


def _told(node: ClusterNode) -> dict[str, Any]:
    names = ("role", "docker_version", "kubelet_version", "os_image", "kernel_version", "cpu", "memory", "n_gpus")
    return {name: getattr(node, name) for name in names}


def _resources(cluster: Cluster) -> dict[str, Any]:
    totals = cluster.nodes.filter(is_current=True).aggregate(
        n_nodes=Count("id"), n_cpus=Sum("cpu"), memory=Sum("memory"), n_gpus=Sum("n_gpus")
    )
    return {**totals, "memory": round((totals["memory"] or 0) / GB, 2)}
