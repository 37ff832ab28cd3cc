"""Replicas of distributed experiments on a real cluster, as the interface shows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.servers import cluster_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.cluster import Cluster
    from tests.embedded.server import Server

DONE = {"succeeded", "failed", "stopped"}
DISTRIBUTED: dict[str, Any] = {"framework": "pytorch", "environment": {"replicas": {"n_workers": 2}}}


@pytest.fixture
def server(cluster: Cluster, cluster_namespace: str, tmp_path: Path) -> Iterator[Server]:
    with cluster_server(cluster, cluster_namespace, tmp_path) as running:
        running.request("POST", "projects", {"name": "digits"})
        yield running


def replicas(server: Server, key: int) -> dict[str, dict[str, Any]]:
    """By role and number, when all have ended."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(500):
        rows = server.request("GET", f"admin/digits/experiments/{key}/jobs")["results"]
        found = {row["pod_id"].split("-", 2)[2]: row for row in rows}
        if all(row["last_status"] in DONE for row in rows):
            break
        time.sleep(0.2)
    return found


def test_every_replica_has_a_status_of_its_own(server: Server) -> None:
    # The last rank ends first, however long each takes to begin.
    command = (
        "cd $POLYAXON_RUN_OUTPUTS_PATH; until [ $RANK = 2 ] || [ -e ended-$((RANK + 1)) ]; do sleep 0.2; done; "
        "sleep 4; touch ended-$RANK"
    )
    key = server.create_experiment("digits", command, **DISTRIBUTED)
    assert server.wait_for(f"admin/digits/experiments/{key}", DONE, 120)["last_status"] == "succeeded"
    rows = replicas(server, key)
    assert {name: row["last_status"] for name, row in rows.items()} == {
        "master-0": "succeeded",
        "worker-0": "succeeded",
        "worker-1": "succeeded",
    }
    for row in rows.values():
        place = f"admin/digits/experiments/{key}/jobs/{row['id']}/statuses"
        seen = [each["status"] for each in server.request("GET", place)["results"]]
        assert seen == ["created", "scheduled", "running", "succeeded"][row["role"] == "master" :] or (
            seen == ["scheduled", "running", "succeeded"]
        ), row
        assert row["node_scheduled"], row
    assert rows["worker-1"]["finished_at"] <= rows["worker-0"]["finished_at"] <= rows["master-0"]["finished_at"]


def test_whose_failure_it_was(server: Server) -> None:
    key = server.create_experiment("digits", "if [ $RANK = 2 ]; then sleep 2; exit 3; fi; sleep 1000", **DISTRIBUTED)
    found = server.wait_for(f"admin/digits/experiments/{key}", DONE, 120)
    assert found["last_status"] == "failed"
    rows = replicas(server, key)
    assert {name: row["last_status"] for name, row in rows.items()} == {
        "master-0": "failed",
        "worker-0": "stopped",
        "worker-1": "failed",
    }
