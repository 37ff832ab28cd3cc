"""The cluster, its nodes and their GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.db.models import Cluster, ClusterNode, Event, NodeGPU
from tests.api.conftest import client_of, url

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, User

NODE = {"name": "n1", "role": "agent", "memory": 8 * 2**30, "cpu": 4, "n_gpus": 1}
SUMMARY = {"uuid", "sequence", "name", "hostname", "role", "memory", "cpu", "n_gpus"}
DETAIL = SUMMARY | {
    "docker_version",
    "kubelet_version",
    "os_image",
    "kernel_version",
    "schedulable_taints",
    "schedulable_state",
    "status",
    "is_current",
    "gpus",
}


@pytest.fixture
def root(admin: User) -> APIClient:
    return client_of(admin)


@pytest.fixture
def node(root: APIClient) -> int:
    return int(root.post(url("cluster/nodes"), NODE, format="json").json()["sequence"])


def test_there_is_one_cluster(client: APIClient) -> None:
    first = client.get(url("cluster")).json()
    assert set(first) == {"uuid", "version_api", "created_at", "updated_at", "nodes"}
    assert (first["version_api"], first["nodes"], len(first["uuid"])) == ({}, [], 32)
    assert client.get(url("cluster/")).json()["uuid"] == first["uuid"]
    assert Cluster.objects.count() == 1
    assert Event.objects.filter(event_type="cluster.created").count() == 1


def test_a_node_is_described_and_found_by_its_sequence(root: APIClient, client: APIClient) -> None:
    created = root.post(url("cluster/nodes"), NODE, format="json")
    assert created.status_code == 201
    assert set(created.json()) == SUMMARY
    assert [root.post(url("cluster/nodes"), NODE, format="json").json()["sequence"] for _ in range(2)] == [2, 3]
    listed = client.get(url("cluster/nodes")).json()
    assert [row["sequence"] for row in listed["results"]] == [1, 2, 3]
    assert [set(row) for row in client.get(url("cluster")).json()["nodes"]] == [SUMMARY] * 3
    detail = client.get(url("nodes/1")).json()
    assert set(detail) == DETAIL
    assert (detail["status"], detail["is_current"], detail["gpus"]) == ("unknown", True, [])


@pytest.mark.parametrize("missing", sorted(NODE))
def test_a_node_needs_its_fields(root: APIClient, missing: str) -> None:
    answer = root.post(url("cluster/nodes"), {k: v for k, v in NODE.items() if k != missing}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [missing])


@pytest.mark.parametrize(
    "wrong",
    [{"role": "king"}, {"memory": -1}, {"memory": 2**70}, {"cpu": "nan"}, {"cpu": -1}, {"n_gpus": -1}, {"name": ""}],
)
def test_nonsense_about_a_node_is_400(root: APIClient, wrong: dict) -> None:
    assert root.post(url("cluster/nodes"), {**NODE, **wrong}, format="json").status_code == 400


def test_a_node_is_changed_and_removed_with_its_gpus(root: APIClient, node: int) -> None:
    assert root.post(url("nodes", node, "gpus"), {"index": 0}, format="json").status_code == 201
    changed = root.patch(url("nodes", node), {"status": "notReady", "os_image": "Debian"}, format="json").json()
    assert (changed["status"], changed["os_image"], len(changed["gpus"])) == ("notReady", "Debian", 1)
    put = root.put(url("nodes", node), {**NODE, "cpu": 8, "gpus": []}, format="json")
    assert (put.status_code, put.json()["cpu"], len(put.json()["gpus"])) == (200, 8.0, 1)
    assert root.put(url("nodes", node), {"cpu": 8}, format="json").status_code == 400
    assert root.delete(url("nodes", node)).status_code == 204
    assert NodeGPU.objects.count() == ClusterNode.objects.count() == 0
    told = Event.objects.filter(subject="cluster_node").order_by("id").values_list("event_type", flat=True)
    assert list(told) == [
        "cluster_node.created",
        "cluster_node.updated",
        "cluster_node.updated",
        "cluster_node.deleted",
    ]


def test_gpus_of_a_node(root: APIClient, client: APIClient, node: int) -> None:
    base = url("nodes", node, "gpus")
    assert root.post(base, {}, format="json").json().keys() == {"index"}
    second = root.post(base, {"index": 1, "name": "A100", "memory": 40 * 2**30, "serial": "x"}, format="json").json()
    assert set(second) == {"uuid", "index", "serial", "name", "memory", "cluster_node"}
    assert second["cluster_node"] == client.get(url("nodes", node)).json()["uuid"]
    root.post(base, {"index": 0}, format="json")
    assert [row["index"] for row in client.get(base).json()["results"]] == [0, 1]
    assert root.post(base, {"index": 1}, format="json").status_code == 400
    assert root.patch(f"{base}/0", {"index": 1}, format="json").status_code == 400
    assert root.patch(f"{base}/0", {"memory": 5}, format="json").json()["memory"] == 5
    assert client.get(f"{base}/1").json()["name"] == "A100"
    assert root.delete(f"{base}/1").status_code == 204
    assert client.get(f"{base}/1").status_code == 404


def test_what_is_not_current_is_not_found(client: APIClient, node: int) -> None:
    ClusterNode.objects.update(is_current=False)
    assert client.get(url("nodes", node)).status_code == 404
    assert client.get(url("nodes", node, "gpus")).status_code == 404
    assert client.get(url("cluster/nodes")).json()["count"] == 0
    assert client.get(url("nodes", 10**30)).status_code == 404


def test_all_users_read_and_only_admins_change(client: APIClient, anonymous: APIClient, node: int) -> None:
    reads = [url("cluster"), url("cluster/nodes"), url("nodes", node), url("nodes", node, "gpus")]
    assert [client.get(path).status_code for path in reads] == [200] * 4
    assert [anonymous.get(path).status_code for path in reads] == [401] * 4
    assert client.post(url("cluster/nodes"), NODE, format="json").status_code == 403
    assert client.patch(url("nodes", node), {"cpu": 1}, format="json").status_code == 403
    assert client.delete(url("nodes", node)).status_code == 403
    assert client.post(url("nodes", node, "gpus"), {"index": 0}, format="json").status_code == 403
    assert ClusterNode.objects.get().cpu == 4


def test_the_run_of_an_admin_changes_nothing(admin: User, experiment: Experiment, node: int) -> None:
    run = client_of(admin, run=experiment.uuid)
    assert run.get(url("cluster")).status_code == 200
    assert run.delete(url("nodes", node)).status_code == 403
