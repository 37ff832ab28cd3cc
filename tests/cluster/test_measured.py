"""What pods take, and the nodes they are on, measured on a real cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import api
from tests.cluster.servers import cluster_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kubernetes import client

    from tests.cluster.cluster import Cluster
    from tests.embedded.server import Server

EXPORTER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        for name, value in (("GPU_UTIL", 97), ("FB_USED", 1024), ("FB_FREE", 3072)):
            labels = 'gpu="3",UUID="GPU-3",namespace="{namespace}",pod="{pod}"'
            self.wfile.write(("DCGM_FI_DEV_%s{{%s}} %s\\n" % (name, labels, value)).encode())
http.server.HTTPServer(("", 9400), Handler).serve_forever()
"""


@pytest.fixture
def server(cluster: Cluster, cluster_namespace: str, tmp_path: Path) -> Iterator[Server]:
    environment = {
        "POLYAXON_USAGE_INTERVAL": "1",
        "POLYAXON_K8S_DCGM_NAMESPACE": cluster_namespace,
        "POLYAXON_K8S_DCGM_SELECTOR": "app=dcgm",
    }
    with cluster_server(cluster, cluster_namespace, tmp_path, **environment) as running:
        running.request("POST", "projects", {"name": "digits"})
        yield running


def eventually(look: Callable[[], Any], patience: float = 60) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def test_every_replica_is_measured(
    server: Server, cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str
) -> None:
    """No machine of ours has a GPU: a pod stands in for the exporter, and says what that would say."""
    distributed: dict[str, Any] = {
        "framework": "pytorch",
        "environment": {
            "replicas": {"n_workers": 1},
            "resources": {"cpu": {"requests": 0.1, "limits": 2}, "memory": {"limits": 256}},
        },
    }
    busy = 'python3 -c "import time; x = bytearray(50_000_000); e = time.time() + 280\nwhile time.time() < e: pass"'
    key = server.create_experiment("digits", f"if [ $RANK = 0 ]; then {busy}; else sleep 280; fi", **distributed)
    uuid = server.wait_for(f"admin/digits/experiments/{key}", {"running"}, 60)["uuid"]
    pod = f"plx-{uuid}-master-0"
    program = EXPORTER.format(namespace=cluster_namespace, pod=pod)
    exporter = api.pod("exporter", cluster.base_image, ["python3", "-c", program])
    exporter["metadata"]["labels"] = {"app": "dcgm"}
    core.create_namespaced_pod(cluster_namespace, exporter)

    def samples() -> dict[str, Any] | None:
        found = server.request("GET", f"admin/digits/experiments/{key}/resources")
        by_role = {each["job_name"].split(".")[0]: each for each in found}
        is_whole = len(by_role) == 2 and by_role["master"]["gpu_resources"] and by_role["master"]["cpu_percentage"] > 5
        return by_role if is_whole else None

    found = eventually(samples, 150)
    master, worker = found["master"], found["worker"]
    assert 5 < master["cpu_percentage"] <= 220
    assert worker["cpu_percentage"] < 5
    assert 50_000_000 < master["memory_used"] < master["memory_limit"] == 256 * 1024 * 1024
    assert (master["n_cpus"], master["container_id"]) == (2, pod)
    (gpu,) = master["gpu_resources"]
    assert (gpu["index"], gpu["utilization_gpu"], gpu["memory_used"]) == (0, 97.0, 1024**3)
    assert worker["gpu_resources"] is None
    server.request("POST", f"admin/digits/experiments/{key}/stop")


def test_the_nodes_of_the_cluster_are_ours(server: Server, core: client.CoreV1Api) -> None:
    real = core.list_node().items[0]
    (listed,) = eventually(lambda: server.request("GET", "cluster/nodes")["results"])
    node = server.request("GET", f"nodes/{listed['sequence']}")
    assert (node["name"], node["status"]) == (real.metadata.name, "ready")
    assert node["cpu"] == float(real.status.capacity["cpu"])
    assert node["kubelet_version"] == real.status.node_info.kubelet_version
    assert server.request("GET", "cluster")["version_api"]["gitVersion"].startswith("v1.")
