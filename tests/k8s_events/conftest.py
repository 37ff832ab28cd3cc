"""Pods that nobody runs: what they say of themselves is up to the test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from polyaxon.pods import labels
from tests.cluster.cluster import Cluster
from tests.k8s_events.wire import Wire, wire

PAUSE = "nobody/pulls-this"


@dataclass
class Pods:
    """Makes pods that no scheduler looks at, and tells the API server what became of them."""

    core: client.CoreV1Api
    namespace: str
    made: list[str] = field(default_factory=list)

    def make(self, name: str = "", run: str = "", **labelled: str) -> str:
        """A pod of a run; its name."""
        name = name or f"p{len(self.made)}"
        run = run or uuid.uuid4().hex
        found = {
            labels.MANAGED_BY[0]: labels.MANAGED_BY[1],
            labels.RUN: run,
            labels.ATTEMPT: "1",
            labels.KIND: "experiment",
            labels.ROLE: "master",
            **labelled,
        }
        spec = {"schedulerName": "nobody", "restartPolicy": "Never", "containers": [{"name": "main", "image": PAUSE}]}
        self.core.create_namespaced_pod(self.namespace, {"metadata": {"name": name, "labels": found}, "spec": spec})
        self.made.append(name)
        return name

    def say(self, name: str, phase: str, **state: Any) -> None:
        """The pod's phase and its container's state."""
        status: dict[str, Any] = {"phase": phase}
        if state:
            status["containerStatuses"] = [
                {"name": "main", "image": PAUSE, "imageID": "", "ready": False, "restartCount": 0, "state": state}
            ]
        self.core.patch_namespaced_pod_status(name, self.namespace, {"status": status})

    def run(self, name: str) -> None:
        self.say(name, "Running", running={"startedAt": "2026-01-01T00:00:00Z"})

    def end(self, name: str, code: int = 0) -> None:
        ended = {"exitCode": code, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z"}
        self.say(name, "Failed" if code else "Succeeded", terminated=ended)

    def delete(self, name: str) -> None:
        self.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)


@pytest.fixture
def core(cluster: Cluster) -> client.CoreV1Api:
    """The core part of the API, as administrator."""
    return client.CoreV1Api(cluster.api())


@pytest.fixture
def pods(core: client.CoreV1Api, cluster_namespace: str) -> Pods:
    return Pods(core, cluster_namespace)


@pytest.fixture
def line(cluster: Cluster) -> Iterator[Wire]:
    """What the reflector under test reaches the API server by."""
    with wire(cluster.plan.node, 6443) as made:
        yield made


@pytest.fixture
def kubeconfig(cluster: Cluster, line: Wire, tmp_path: Path) -> Path:
    """An administrator's, by way of `line`."""
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["clusters"][0]["cluster"] |= {
        "server": f"https://127.0.0.1:{line.port}",
        "tls-server-name": cluster.plan.node,
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path
