"""kwok: plays nodes, and pods on them, that do not exist."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component

ANNOTATION = "kwok.x-k8s.io/node"
"""Nodes with this annotation, of value `fake`, are kwok's."""


class Kwok(Component):
    """kwok for nodes with the annotation only."""

    name: ClassVar[str] = "kwok"

    def command(self) -> list[str]:
        return [
            str(binaries.program(self.name)),
            f"--kubeconfig={certificates.kubeconfig(self.plan, 'kwok')}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
            f"--cidr={self.plan.fake_pods}",
            f"--node-ip={self.plan.node}",
            "--node-lease-duration-seconds=40",
            "--server-address=127.0.0.1:10247",
        ]

    def probe(self) -> None:
        self.ask_inside(10247, "/healthz")
