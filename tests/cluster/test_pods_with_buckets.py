"""Outputs in an object store: the helper's containers in real pods."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.base import Phase, StopReason
from scheduler.runners.kubernetes.spec import Bucket, ClusterSpec
from tests.cluster.helper import push_helper
from tests.cluster.runs import make_runner, pod_log, watching
from tests.helper.store_servers import KINDS, Served
from tests.helper.test_stores import fetched
from tests.runners.contract import make_spec, wait_end, wait_running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.runner import ClusterRunner
    from tests.cluster.cluster import Cluster

SECONDS = 90.0
SECRET = {"secret": "store", "secret_key": "key.json"}


@pytest.fixture
def served(
    request: pytest.FixtureRequest, cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str
) -> Iterator[Served]:
    """A store that pods reach, whose credentials are in a secret of the namespace."""
    with KINDS[getattr(request, "param", "s3")](cluster.plan.host) as found:
        core.create_namespaced_secret(
            cluster_namespace, {"metadata": {"name": "store"}, "stringData": {"key.json": found.credentials}}
        )
        yield found


@pytest.fixture
def runner(cluster: Cluster, cluster_namespace: str, core: client.CoreV1Api) -> Iterator[ClusterRunner]:
    store = MemoryPodStore()
    with watching(core, cluster_namespace, store):
        yield make_runner(cluster, cluster_namespace, store, helper=push_helper(cluster.plan))


def storing(folder: Path, command: str, url: str) -> LaunchSpec:
    outputs = Bucket(name="store", url=url, path="/outputs", **SECRET)
    return replace(make_spec(folder, command), cluster=ClusterSpec(outputs=outputs))


@pytest.mark.parametrize("served", KINDS, indirect=True)
def test_outputs_are_there_for_the_next_attempt(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, served: Served, tmp_path: Path
) -> None:
    url = served.url("ada/1")
    first = storing(tmp_path, "mkdir /outputs/models; echo 1 > /outputs/models/a; exit 3", url)
    runner.submit(first)
    end = wait_end(runner, first, SECONDS)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 3)
    assert fetched((url, served.credentials), tmp_path / "seen") == {"models/a": b"1\n"}
    second = replace(first, attempt=2, command="cat /outputs/models/a")
    runner.submit(second)
    assert wait_end(runner, second, SECONDS).exit_code == 0
    assert pod_log(core, cluster_namespace, first.run)[-1] == "1"


def test_what_a_stopped_run_saved_is_stored(runner: ClusterRunner, served: Served, tmp_path: Path) -> None:
    url = served.url("ada/2")
    spec = storing(tmp_path, "trap 'echo saved > /outputs/model; exit 0' TERM; while :; do sleep 0.1; done", url)
    runner.submit(spec)
    wait_running(runner, spec, SECONDS)
    runner.stop(spec.run, 1, StopReason.USER, 5)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.exit_code, end.stop_reason) == (Phase.EXITED, 0, StopReason.USER)
    assert fetched((url, served.credentials), tmp_path / "seen") == {"model": b"saved\n"}


def test_a_run_whose_store_is_not_there_does_not_begin(runner: ClusterRunner, served: Served, tmp_path: Path) -> None:
    spec = storing(tmp_path, "true", served.url("ada/3", "no-such-bucket"))
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.started_at) == (Phase.LOST, None)
    assert "could not be prepared" in (end.message or "")
    assert served.no_bucket in (end.message or "")
