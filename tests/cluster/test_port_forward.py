"""`polyaxon port-forward` with the real kubectl, to a service of a real cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cluster import api

if TYPE_CHECKING:
    from kubernetes import client

    from tests.cluster.cluster import Cluster

CLIENT = Path(__file__).resolve().parents[2] / "client"


@pytest.fixture
def environment(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    # kubectl honours proxies, beyond which nobody knows the cluster.
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**kept, "HOME": str(tmp_path), "PYTHONPATH": str(CLIENT), "KUBECONFIG": str(cluster.kubeconfig)}


@pytest.fixture
def service(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> str:
    """A service named `web`, whose port 80 is answered by a pod's 8080; its namespace."""
    serve = ["python", "-m", "http.server", "8080", "--directory", "/etc/alternatives"]
    pod = api.pod("server", cluster.base_image, serve)
    pod["metadata"]["labels"] = {"app": "server"}
    # kubectl ends when nobody listens yet in a pod that runs.
    pod["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    core.create_namespaced_pod(cluster_namespace, pod)
    spec = {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]}
    core.create_namespaced_service(cluster_namespace, {"metadata": {"name": "web"}, "spec": spec})

    def ready() -> bool | None:
        statuses = core.read_namespaced_pod("server", cluster_namespace).status.container_statuses
        return bool(statuses and statuses[0].ready) or None

    api.wait_for("pod ready", ready)
    return cluster_namespace


def start(environment: dict[str, str], namespace: str, service: str) -> subprocess.Popen[str]:
    words = ["port-forward", "--port=0", f"--namespace={namespace}", f"--service={service}"]
    return subprocess.Popen(
        [sys.executable, "-m", "polyaxon_cli", *words],
        env=environment,
        cwd=environment["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_it_tells_is_the_way_to_the_service(environment: dict[str, str], service: str) -> None:
    process = start(environment, service, "web")
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        assert f"is web in {service}, until Ctrl-C" in told, process.communicate(timeout=60)
        assert "Directory listing" in httpx.get(told.split()[0], timeout=60, trust_env=False).text
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    assert code == 0


def test_a_service_that_is_not_there_is_named(environment: dict[str, str], cluster_namespace: str) -> None:
    _, said = start(environment, cluster_namespace, "nobody").communicate(timeout=60)
    assert len(said.splitlines()) == 1
    assert said.startswith("Error: kubectl ended: ")
    assert 'services "nobody" not found' in said
