"""The controller manager."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component


class ControllerManager(Component):
    """kube-controller-manager: jobs, garbage, endpoints, service accounts, lost nodes."""

    name: ClassVar[str] = "kube-controller-manager"
    flags: tuple[str, ...] = ()
    """Further ones, of this object only: a test may start it with others for a while."""

    def command(self) -> list[str]:
        config, file = certificates.kubeconfig(self.plan, "controller-manager"), self.certificate
        return [
            str(binaries.program(self.name)),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            "--cert-dir=/run/kubernetes",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={file('ca.crt')}",
            f"--service-account-private-key-file={file('accounts.key')}",
            f"--cluster-signing-cert-file={file('ca.crt')}",
            f"--cluster-signing-key-file={file('ca.key')}",
            "--profiling=false",
            *self.flags,
        ]

    def probe(self) -> None:
        # What it makes first in every namespace, and no pod can do without.
        self.ask(f"{self.plan.api_url}/api/v1/namespaces/default/serviceaccounts/default")
