"""CoreDNS: the names of services."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component
from tests.cluster.plan import CLUSTER_DOMAIN


class CoreDNS(Component):
    """CoreDNS as a process of the node, at the node's address. It knows the cluster's names and no others."""

    name: ClassVar[str] = "coredns"

    def prepare(self) -> None:
        config = certificates.kubeconfig(self.plan, "dns")
        zones = f"""
            .:53 {{
                errors
                health 127.0.0.1:8090
                ready 127.0.0.1:8181
                kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
                    kubeconfig {config} test
                    pods insecure
                    ttl 2
                }}
                cache 2
            }}
        """
        self.plan.write(zones, "Corefile")

    def command(self) -> list[str]:
        return [str(binaries.program(self.name)), "-conf", str(self.plan.folder / "Corefile")]

    def probe(self) -> None:
        self.ask_inside(8181, "/ready")
