"""The kubelet: makes this machine a node."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.commands import ClusterError
from tests.cluster.components.base import Component
from tests.cluster.components.containerd import SOCKET
from tests.cluster.plan import CLUSTER_DOMAIN, NODE_NAME


class Kubelet(Component):
    """kubelet; pods' volumes and logs are below the node's /var."""

    name: ClassVar[str] = "kubelet"

    def prepare(self) -> None:
        # Pods know the cluster's names only.
        self.plan.write(f"nameserver {self.plan.node}\n", "resolv.conf")
        self.plan.write(json.dumps(self._settings()), "kubelet.json")

    def command(self) -> list[str]:
        return [
            str(binaries.program(self.name)),
            f"--config={self.plan.folder / 'kubelet.json'}",
            f"--kubeconfig={certificates.kubeconfig(self.plan, 'kubelet')}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={self.plan.node}",
        ]

    def probe(self) -> None:
        node = json.loads(self.ask(f"{self.plan.api_url}/api/v1/nodes/{NODE_NAME}"))
        ready = [each for each in node["status"].get("conditions", []) if each["type"] == "Ready"]
        if not any(each["status"] == "True" for each in ready):
            raise ClusterError(ready[0]["message"] if ready else "the node has not said how it is")

    def _settings(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.plan.node,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": self.certificate("ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": self.certificate("kubelet.crt"),
            "tlsPrivateKeyFile": self.certificate("kubelet.key"),
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.plan.cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [self.plan.node],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(self.plan.folder / "resolv.conf"),
            # The machine may be full of other people's things: nobody is to be evicted for that.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "eventRecordQPS": 0,
            "maxPods": 250,
        }
