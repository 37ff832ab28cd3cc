"""The scheduler."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component


class Scheduler(Component):
    """kube-scheduler."""

    name: ClassVar[str] = "kube-scheduler"

    def command(self) -> list[str]:
        config = certificates.kubeconfig(self.plan, "scheduler")
        return [
            str(binaries.program(self.name)),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            "--cert-dir=/run/kubernetes",
            "--leader-elect=false",
            "--profiling=false",
        ]

    def probe(self) -> None:
        self.node.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/10259"])
