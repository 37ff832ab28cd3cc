"""The API server."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries
from tests.cluster.components.base import Component
from tests.cluster.plan import CLUSTER_DOMAIN


class ApiServer(Component):
    """kube-apiserver at the node's address."""

    name: ClassVar[str] = "kube-apiserver"

    def command(self) -> list[str]:
        plan, file = self.plan, self.certificate
        return [
            str(binaries.program(self.name)),
            "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={plan.node}",
            f"--advertise-address={plan.node}",
            "--secure-port=6443",
            "--cert-dir=/run/kubernetes",
            f"--tls-cert-file={file('apiserver.crt')}",
            f"--tls-private-key-file={file('apiserver.key')}",
            f"--client-ca-file={file('ca.crt')}",
            f"--kubelet-client-certificate={file('admin.crt')}",
            f"--kubelet-client-key={file('admin.key')}",
            f"--kubelet-certificate-authority={file('ca.crt')}",
            # Extensions of the interface would speak through us; there are none, but all components ask for this.
            f"--requestheader-client-ca-file={file('ca.crt')}",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            # Nodes' names do not resolve.
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
            f"--service-account-key-file={file('accounts.key')}",
            f"--service-account-signing-key-file={file('accounts.key')}",
            f"--service-cluster-ip-range={plan.services}",
            "--profiling=false",
        ]

    def probe(self) -> None:
        self.ask(f"{self.plan.api_url}/readyz")
