"""kube-proxy: the addresses of services."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component
from tests.cluster.plan import NODE_NAME


class KubeProxy(Component):
    """kube-proxy with iptables, in the node's network only."""

    name: ClassVar[str] = "kube-proxy"

    def prepare(self) -> None:
        self.plan.write(json.dumps(self._settings()), "proxy.json")

    def command(self) -> list[str]:
        return [str(binaries.program(self.name)), f"--config={self.plan.folder / 'proxy.json'}"]

    def probe(self) -> None:
        self.ask_inside(10256, "/healthz")

    def _settings(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(certificates.kubeconfig(self.plan, "proxy"))},
            "mode": "iptables",
            "clusterCIDR": self.plan.pods,
            "hostnameOverride": NODE_NAME,
            "bindAddress": self.plan.node,
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            # These are settings of the whole machine; they stay as they are.
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
