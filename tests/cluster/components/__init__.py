"""The processes of a cluster, in the order in which they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster.components.apiserver import ApiServer
from tests.cluster.components.base import Component
from tests.cluster.components.containerd import Containerd
from tests.cluster.components.controllers import ControllerManager
from tests.cluster.components.dns import CoreDNS
from tests.cluster.components.etcd import Etcd
from tests.cluster.components.kubelet import Kubelet
from tests.cluster.components.kwok import Kwok
from tests.cluster.components.proxy import KubeProxy
from tests.cluster.components.registry import Registry
from tests.cluster.components.scheduler import Scheduler

if TYPE_CHECKING:
    from tests.cluster.node import Node

# Each needs only those before it.
STAGES: tuple[tuple[type[Component], ...], ...] = (
    (Etcd, Registry, Containerd),
    (ApiServer,),
    (ControllerManager, Scheduler, Kubelet, KubeProxy, CoreDNS, Kwok),
)


def stages(node: Node) -> list[list[Component]]:
    """Components that may start side by side, stage after stage."""
    return [[kind(node) for kind in stage] for stage in STAGES]


def components(node: Node) -> list[Component]:
    """All components."""
    return [component for stage in stages(node) for component in stage]


__all__ = ["Component", "components", "stages"]
