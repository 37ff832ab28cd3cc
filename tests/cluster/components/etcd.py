"""etcd: the API server's database, in memory."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries
from tests.cluster.components.base import Component


class Etcd(Component):
    """etcd on the node's loopback."""

    name: ClassVar[str] = "etcd"

    def command(self) -> list[str]:
        client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
        return [
            str(binaries.program("etcd")),
            "--name=etcd",
            # The node's /run is memory: nothing waits for a disk, nothing is left.
            "--data-dir=/run/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=etcd={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def probe(self) -> None:
        self.ask_inside(2379, "/health")
