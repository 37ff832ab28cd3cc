"""Many runs at once, on nodes that kwok plays: each has one pod, and all come to their ends."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import api
from tests.cluster.components.kwok import ANNOTATION, SECONDS
from tests.cluster.test_processes import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

    from tests.cluster.platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]
SINGLE, TRIALS = 100, 200
STATUSES = ["created", "scheduled", "starting", "running", "succeeded"]


@pytest.fixture
def fake_nodes(core: client.CoreV1Api) -> Iterator[None]:
    with api.fake_nodes(core, 2):
        yield


@pytest.fixture
def platform(unstarted_platform: Platform, fake_nodes: None) -> Platform:
    return unstarted_platform.start(scheduler=2)


def specification(**more: Any) -> str:
    environment = {
        "node_selector": {"type": "fake"},
        "tolerations": [{"key": ANNOTATION, "operator": "Exists"}],
        "annotations": {SECONDS: "3s"},
    }
    content = {"version": 1, "kind": "experiment", "environment": environment, "run": {"cmd": "true"}, **more}
    return json.dumps(content)


def test_each_of_many_runs_has_one_pod_and_ends(platform: Platform, postgres: str) -> None:
    server = platform.api
    server.request("POST", "projects", {"name": "p"})
    search = {"concurrency": TRIALS, "matrix": {"x": {"range": [0, TRIALS, 1]}}}
    group = server.request("POST", "admin/p/groups", {"content": specification(kind="group", hptuning=search)})["id"]
    with ThreadPoolExecutor(8) as pool:
        body = {"content": specification()}
        list(pool.map(lambda _: server.request("POST", "admin/p/experiments", body), range(SINGLE)))

    def ended() -> bool | None:
        found = rows(postgres, "SELECT 1 FROM db_experiment WHERE status IN ('succeeded', 'failed', 'stopped')")
        return len(found) >= SINGLE + TRIALS or None

    api.wait_for("the end of all runs", ended, 400)
    server.wait_for(f"admin/p/groups/{group}", {"done"}, 60)
    ends = rows(postgres, "SELECT status, attempt, experiment_group_id IS NULL FROM db_experiment")
    assert Counter(ends) == {("succeeded", 1, True): SINGLE, ("succeeded", 1, False): TRIALS}
    pods = Counter(run for (run,) in rows(postgres, "SELECT run FROM db_podstate"))
    assert set(pods) == {run for (run,) in rows(postgres, "SELECT uuid FROM db_experiment")}
    assert set(pods.values()) == {1}
    told = rows(postgres, "SELECT experiment_id, status FROM db_experimentstatus ORDER BY experiment_id, id")
    histories = {run: [status for _, status in each] for run, each in groupby(told, key=lambda row: row[0])}
    assert [history for history in histories.values() if history != STATUSES] == []
    masters = rows(postgres, "SELECT status, count(*) FROM db_experimentjob WHERE role = 'master' GROUP BY status")
    assert masters == [("succeeded", SINGLE + TRIALS)]
    assert rows(postgres, "SELECT 1 FROM db_token WHERE run IS NOT NULL") == []
