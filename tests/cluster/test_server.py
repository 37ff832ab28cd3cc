"""The whole platform on a real cluster: a server whose runs are pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.pods import labels
from tests.api.test_repos import archive
from tests.cluster.runs import pod_log
from tests.cluster.servers import cluster_server
from tests.helper.test_init import upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kubernetes import client

    from tests.cluster.cluster import Cluster
    from tests.embedded.server import Server

pytestmark = pytest.mark.timeout(300)
DONE = {"succeeded", "failed", "stopped"}


@pytest.fixture
def server(cluster: Cluster, cluster_namespace: str, tmp_path: Path) -> Iterator[Server]:
    with cluster_server(cluster, cluster_namespace, tmp_path) as running:
        yield running


@pytest.fixture
def project(server: Server) -> str:
    server.request("POST", "projects", {"name": "digits"})
    upload(server, "digits", archive(**{"train.sh": "echo $POLYAXON_POD_ID > $POLYAXON_RUN_OUTPUTS_PATH/m\n"}))
    return "digits"


def wait(server: Server, kind: str, key: int, statuses: set[str]) -> dict[str, Any]:
    return server.wait_for(f"admin/digits/{kind}/{key}", statuses, 120)


def history(server: Server, key: int) -> list[str]:
    found = server.request("GET", f"admin/digits/experiments/{key}/statuses")["results"]
    return [each["status"] for each in found]


@pytest.mark.usefixtures("project")
def test_an_experiment_runs_as_a_pod(
    server: Server, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    resources = {"resources": {"cpu": {"requests": 0.1}, "memory": {"limits": 128}}}
    key = server.create_experiment("digits", "bash train.sh", environment=resources)
    found = wait(server, "experiments", key, DONE)
    assert found["last_status"] == "succeeded", found
    assert history(server, key) == ["created", "scheduled", "starting", "running", "succeeded"]
    place = tmp_path / "outputs" / "admin" / "digits" / "experiments" / str(key)
    assert (place / "m").read_text() == f"plx-{found['uuid']}-master-0\n"
    pod = core.list_namespaced_pod(cluster_namespace, label_selector=f"{labels.RUN}={found['uuid']}").items[0]
    assert pod.metadata.labels["experiment_name"] == f"admin.digits.{key}"
    main = next(each for each in pod.spec.containers if each.name == "polyaxon-experiment-job")
    assert (main.resources.requests["cpu"], main.resources.limits["memory"]) == ("100m", "128Mi")


@pytest.mark.usefixtures("project")
def test_the_tracking_client_reaches_the_server(server: Server, core: client.CoreV1Api, cluster_namespace: str) -> None:
    """What a run in a pod is told of the server is true there."""
    command = (
        "python3 -c \"import os, urllib.request as u; r = u.Request(os.environ['POLYAXON_API_HTTP_HOST'] + "
        "'/api/v1/users'); r.add_header('Authorization', 'Token ' + os.environ['POLYAXON_SECRET_USER_TOKEN']); "
        'print(u.urlopen(r).status)"'
    )
    key = server.create_experiment("digits", command)
    found = wait(server, "experiments", key, DONE)
    assert found["last_status"] == "succeeded"
    assert pod_log(core, cluster_namespace, found["uuid"]) == ["200"]


@pytest.mark.usefixtures("project")
def test_a_failure_and_a_stop(server: Server) -> None:
    failing = server.create_experiment("digits", "exit 3")
    endless = server.create_experiment("digits", "sleep 1000")
    assert wait(server, "experiments", failing, DONE)["last_status"] == "failed"
    wait(server, "experiments", endless, {"running"})
    server.request("POST", f"admin/digits/experiments/{endless}/stop")
    assert wait(server, "experiments", endless, DONE)["last_status"] == "stopped"


@pytest.mark.usefixtures("project")
def test_a_server_that_is_killed_finds_its_runs_again(
    server: Server, core: client.CoreV1Api, cluster_namespace: str
) -> None:
    key = server.create_experiment("digits", "sleep 5; echo done")
    wait(server, "experiments", key, {"running"})
    server.kill()
    server.start(patience=180)
    found = wait(server, "experiments", key, DONE)
    assert found["last_status"] == "succeeded"
    assert pod_log(core, cluster_namespace, found["uuid"]) == ["done"]


@pytest.mark.usefixtures("project")
def test_why_a_run_waits_is_told(server: Server) -> None:
    key = server.create_experiment("digits", "true", environment={"resources": {"memory": {"limits": 10_000_000}}})
    wait(server, "experiments", key, {"warning"})
    last = server.request("GET", f"admin/digits/experiments/{key}/statuses")["results"][-1]
    assert "no node can take it" in last["message"]
    server.request("POST", f"admin/digits/experiments/{key}/stop")
    assert wait(server, "experiments", key, DONE)["last_status"] == "stopped"
