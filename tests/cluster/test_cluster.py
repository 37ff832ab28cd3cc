"""What tests may rely on from a cluster."""

from __future__ import annotations

import contextlib
import http.server
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import api, binaries, images, places, plan, pushing
from tests.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

ASK_API = """
import json, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
headers = {"Authorization": "Bearer " + open(folder + "/token").read()}
request = urllib.request.Request("https://kubernetes.default.svc.cluster.local/version", headers=headers)
context = ssl.create_default_context(cafile=folder + "/ca.crt")
print(json.load(urllib.request.urlopen(request, context=context, timeout=20))["gitVersion"])
"""
FETCH = """
import sys, time, urllib.request
for attempt in range(60):
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
        break
    except OSError as error:
        print(error, file=sys.stderr)
        time.sleep(0.5)
"""
EAT_MEMORY = "held = []\nwhile True: held.append(bytearray(b'x' * (8 << 20)))"


def run_to_end(core: client.CoreV1Api, namespace: str, manifest: dict[str, Any]) -> tuple[Any, str]:
    """The finished pod and what it printed."""
    core.create_namespaced_pod(namespace, manifest)
    name = manifest["metadata"]["name"]
    pod = api.finished(core, namespace, name, 100)
    return pod, core.read_namespaced_pod_log(name, namespace)


def test_node_is_ready(core: client.CoreV1Api) -> None:
    node = core.read_node(plan.NODE_NAME)
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"
    assert node.status.node_info.kubelet_version == binaries.KUBERNETES


def test_pod_runs_and_its_log_is_read(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    script = "python --version && git --version && echo problem >&2"
    pod, log = run_to_end(core, cluster_namespace, api.pod("one", cluster.base_image, ["bash", "-c", script]))
    assert pod.status.phase == "Succeeded"
    assert pod.status.container_statuses[0].state.terminated.reason == "Completed"
    # The two streams are read side by side: only within one of them lines have an order.
    problems = [line for line in log.splitlines() if line == "problem"]
    python, git = (line for line in log.splitlines() if line != "problem")
    assert python.startswith("Python 3.")
    assert git.startswith("git version")
    assert problems == ["problem"]


def test_pod_finds_the_api_server_by_name(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    pod, log = run_to_end(core, cluster_namespace, api.pod("one", cluster.base_image, ["python", "-c", ASK_API]))
    assert (pod.status.phase, log.strip()) == ("Succeeded", binaries.KUBERNETES)


def test_pod_reaches_a_server_of_this_machine(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    with served(cluster.plan.host) as (address, said):
        _, log = run_to_end(
            core, cluster_namespace, api.pod("one", cluster.base_image, ["python", "-c", FETCH, address])
        )
    assert log.strip() == said


def test_pod_reaches_nothing_else(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    # TEST-NET-3: a route to it would be a route to the world.
    script = "import socket; print(socket.socket().connect_ex(('203.0.113.1', 80)))"
    _, log = run_to_end(core, cluster_namespace, api.pod("one", cluster.base_image, ["python", "-c", script]))
    assert log.strip() in {"101", "113"}  # network or host unreachable


@contextlib.contextmanager
def served(host: str) -> Iterator[tuple[str, str]]:
    """Address of a server that says one thing, and that thing."""
    said = uuid.uuid4().hex

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer((host, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_port}/", said
        server.shutdown()


def test_pods_reach_each_other_by_a_service(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    serve = ["python", "-m", "http.server", "8080", "--directory", "/etc/alternatives"]
    server = api.pod("server", cluster.base_image, serve)
    server["metadata"]["labels"] = {"app": "server"}
    core.create_namespaced_pod(cluster_namespace, server)
    ports = [{"port": 80, "targetPort": 8080}]
    core.create_namespaced_service(
        cluster_namespace, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "server"}, "ports": ports}}
    )
    fetch = api.pod("one", cluster.base_image, ["python", "-c", FETCH, "http://web/"])
    _, log = run_to_end(core, cluster_namespace, fetch)
    assert "Directory listing" in log


def test_image_is_pulled_from_the_registry(
    cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    layer = images.program_layer("pause", tmp_path)
    pushing.push(cluster.plan.registry, name, "1", layer, {"Entrypoint": ["/pause"], "Labels": {"name": name}})
    image = f"{cluster.plan.registry}/{name}:1"
    core.create_namespaced_pod(cluster_namespace, api.pod("one", image, ["/pause"]))

    def running() -> Any:
        pod = core.read_namespaced_pod("one", cluster_namespace)
        return pod if pod.status.phase == "Running" else None

    pod = api.wait_for("pod running", running)
    assert pod.status.container_statuses[0].image_id.startswith(f"{cluster.plan.registry}/{name}@sha256:")


def test_out_of_memory_has_its_name(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    eater = api.pod("one", cluster.base_image, ["python", "-c", EAT_MEMORY], resources=limits)
    pod, _ = run_to_end(core, cluster_namespace, eater)
    ended = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, ended.reason, ended.exit_code) == ("Failed", "OOMKilled", 137)


def test_kwok_plays_a_hundred_pods(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> None:
    with api.fake_nodes(core, 2) as nodes:
        for number in range(100):
            manifest = api.on_fake_node(api.pod(f"pod-{number}", "none:1", ["none"]))
            core.create_namespaced_pod(cluster_namespace, manifest)

        def running() -> Any:
            pods = core.list_namespaced_pod(cluster_namespace, field_selector="status.phase=Running").items
            return pods if len(pods) == 100 else None

        pods = api.wait_for("100 fake pods running", running)
        assert {pod.spec.node_name for pod in pods} == set(nodes)


def test_up_finds_the_cluster_that_is_up(cluster: Cluster) -> None:
    before = [cluster.node.keeper, *(cluster.node.process(each.name) for each in cluster.components)]
    again = Cluster.up(cluster.plan.folder)
    assert [again.node.keeper, *(again.node.process(each.name) for each in again.components)] == before


@pytest.mark.parametrize("name", ["kube-apiserver", "kubelet", "containerd", "etcd"])
def test_component_starts_again_where_it_was(
    name: str, cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str
) -> None:
    component = cluster.component(name)
    component.kill()
    assert not component.is_working()
    assert not cluster.is_usable()
    component.start()
    api.wait_for("the whole cluster works", lambda: True if cluster.is_working() else None)
    assert core.read_namespace(cluster_namespace).status.phase == "Active"
    pod, log = run_to_end(core, cluster_namespace, api.pod("one", cluster.base_image, ["echo", "here"]))
    assert (pod.status.phase, log) == ("Succeeded", "here\n")


FAILING = """
import pytest
from django.contrib.auth import get_user_model
from kubernetes import client
from tests.cluster import api

@pytest.mark.django_db
def test_fails(cluster, cluster_namespace):
    get_user_model().objects.create_user("ada", password="unseen")
    core = client.CoreV1Api(cluster.api())
    breaks = api.pod("breaks", cluster.base_image, ["sh", "-c", "echo oh no; exit 3"])
    core.create_namespaced_pod(cluster_namespace, breaks)
    assert api.finished(core, cluster_namespace, "breaks").status.phase == "Succeeded"
"""


def test_failing_test_shows_pods_events_and_tables(cluster: Cluster, tmp_path: Path) -> None:
    test = tmp_path / "test_failing.py"
    test.write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.cluster.fixtures"]
    options = ["-c", str(places.ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(test)]
    variables = {key: value for key, value in os.environ.items() if key != "POLYAXON_DATA_DIR"}
    done = subprocess.run(
        [*command, *options],
        cwd=places.ROOT,
        env={**variables, places.STATE_VARIABLE: str(cluster.plan.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "starting a cluster" not in done.stdout
    for shown in ("breaks: Failed", "| oh no", "exit_code=3", "Scheduled: Successfully assigned", "username=ada"):
        assert shown in done.stdout
    assert "md5$" not in done.stdout  # the password's hash
    assert cluster.is_usable()
