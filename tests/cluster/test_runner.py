"""What becomes of runs on a real cluster when something goes wrong, and the API server's word on every manifest."""

from __future__ import annotations

import http.client
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from polyaxon.pods import labels
from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.base import LaunchRefused, Observation, Phase, RunnerError, StopReason
from scheduler.runners.kubernetes.api import ClusterApi
from scheduler.runners.kubernetes.limits import TokenBucket
from scheduler.runners.kubernetes.manifests import objects
from scheduler.runners.kubernetes.runner import ClusterRunner
from scheduler.runners.kubernetes.spec import Placement, Reference, Replica
from tests.cluster.runs import make_runner, on_node, pod_log, watching
from tests.runners.contract import make_spec, wait_end, wait_for, wait_running
from tests.runners.kubernetes.launches import LAUNCHES, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler.runners.base import LaunchSpec
    from tests.cluster.cluster import Cluster

SECONDS = 60.0


@pytest.fixture
def store() -> MemoryPodStore:
    return MemoryPodStore()


@pytest.fixture
def runner(
    cluster: Cluster, cluster_namespace: str, core: client.CoreV1Api, store: MemoryPodStore
) -> Iterator[ClusterRunner]:
    with watching(core, cluster_namespace, store):
        yield make_runner(cluster, cluster_namespace, store, image=timedelta(seconds=3), config=timedelta(minutes=5))


def asking(folder: Path, command: str, **more: Any) -> LaunchSpec:
    return on_node(make_spec(folder, command), **more)


def memory(limit: float) -> tuple[Replica, ...]:
    return (Replica(place=Placement(resources={"memory": {"limits": limit}})),)


def pods_of(core: client.CoreV1Api, namespace: str, spec: LaunchSpec) -> list[Any]:
    return list(core.list_namespaced_pod(namespace, label_selector=f"{labels.RUN}={spec.run}").items)


def message_of(runner: ClusterRunner, spec: LaunchSpec) -> str:
    return runner.observe(spec.run, 1).message or ""


def test_several_are_submitted_and_observed_at_once(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    fine, stopped, refused = (asking(tmp_path, command) for command in ("true", "sleep 1000", "no\0way"))
    runner.stop(stopped.run, 1, StopReason.USER, 1.0)  # before it was submitted
    errors = runner.submit_all([fine, stopped, refused])
    assert [type(error) for error in errors] == [type(None), type(None), LaunchRefused]
    assert [len(pods_of(core, cluster_namespace, spec)) for spec in (fine, stopped, refused)] == [1, 0, 0]
    assert runner.submit_all([fine, stopped]) == [None, None]
    assert len(pods_of(core, cluster_namespace, fine)) == 1
    keys = [(fine.run, 1), (stopped.run, 1), (refused.run, 1)]

    def ended() -> bool:
        seen = runner.observe_all(keys)
        return keys[0] in seen and seen[keys[0]].phase is Phase.EXITED

    wait_for(ended, "the end", SECONDS)
    # What has no pod is to be asked for by itself.
    assert runner.observe_all(keys) == {keys[0]: runner.observe(*keys[0])}
    assert runner.observe(*keys[1]).stop_reason is StopReason.USER


def test_stops_are_seen_by_those_who_observe_many(runner: ClusterRunner, tmp_path: Path) -> None:
    specs = [asking(tmp_path, "sleep 1000") for _ in range(2)]
    assert runner.submit_all(specs) == [None, None]
    for spec in specs:
        wait_running(runner, spec, SECONDS)
    runner.stop(specs[0].run, 1, StopReason.TIMEOUT, 1.0)
    wait_end(runner, specs[0], SECONDS)
    runner._ends.clear()  # as a process that did not see the end
    seen = runner.observe_all([(spec.run, 1) for spec in specs])
    assert [seen[spec.run, 1].stop_reason for spec in specs] == [StopReason.TIMEOUT, None]
    assert seen[specs[1].run, 1].phase is Phase.RUNNING
    runner.stop(specs[1].run, 1, StopReason.USER, 1.0)


def test_a_run_succeeds_and_leaves_nothing(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    spec = asking(tmp_path, "id -u; touch $POLYAXON_RUN_OUTPUTS_PATH/model")
    runner.submit(spec)
    assert wait_end(runner, spec, SECONDS).exit_code == 0
    assert pod_log(core, cluster_namespace, spec.run) == ["2222"]
    assert (spec.outputs_path / "model").is_file()
    assert runner.kept() == [spec.run]
    runner.clean(spec.run)
    assert runner.kept() == []
    wait_for(lambda: not pods_of(core, cluster_namespace, spec), "no pods", SECONDS)
    secrets = core.list_namespaced_secret(cluster_namespace, label_selector=f"{labels.RUN}={spec.run}")
    assert secrets.items == []


def test_out_of_memory_is_told(runner: ClusterRunner, tmp_path: Path) -> None:
    spec = asking(tmp_path, "python3 -c 'x = bytearray(10**9)'", replicas=memory(32))
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.signal, end.stop_reason) == (Phase.EXITED, 9, None)
    # The kernel may end the process rather than the container, of which the kubelet knows by chance only.
    assert "out of memory" in (end.message or "")


def test_an_image_that_is_not_there_fails_the_run(
    runner: ClusterRunner, cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    spec = asking(tmp_path, "true", image=f"{cluster.plan.registry}/no-such-image:1")
    runner.submit(spec)
    wait_for(lambda: "cannot be pulled" in message_of(runner, spec), "the reason", SECONDS)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.exit_code, end.started_at) == (Phase.EXITED, None, None)
    assert "no-such-image:1 cannot be pulled" in (end.message or "")
    wait_for(lambda: not pods_of(core, cluster_namespace, spec), "no pods", SECONDS)
    assert runner.observe(spec.run, 1) == end


def test_a_missing_secret_is_told_and_may_come_late(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    place = Placement(secrets=(Reference(name="wandb", items=("API_KEY",)),))
    spec = asking(tmp_path, 'echo "$API_KEY"', replicas=(Replica(place=place),))
    runner.submit(spec)
    wait_for(lambda: 'secret "wandb" not found' in message_of(runner, spec), "the reason", SECONDS)
    core.create_namespaced_secret(cluster_namespace, {"metadata": {"name": "wandb"}, "stringData": {"API_KEY": "k"}})
    assert wait_end(runner, spec, 2 * SECONDS).exit_code == 0


def test_a_stop_while_pending_leaves_no_pod(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    spec = asking(tmp_path, "true", replicas=memory(10_000_000))
    runner.submit(spec)
    wait_for(lambda: "no node can take it" in message_of(runner, spec), "the reason", SECONDS)
    assert runner.observe(spec.run, 1).phase is Phase.STARTING
    runner.stop(spec.run, 1, StopReason.USER, 5)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.stop_reason, end.started_at) == (Phase.EXITED, StopReason.USER, None)
    assert pods_of(core, cluster_namespace, spec) == []


@pytest.mark.parametrize("watched", [True, False])
def test_a_pod_that_somebody_deletes_is_lost(
    cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path, watched: bool
) -> None:
    store = MemoryPodStore()
    runner = make_runner(cluster, cluster_namespace, store)
    spec = asking(tmp_path, "sleep 100")
    with watching(core, cluster_namespace, store if watched else MemoryPodStore()):
        runner.submit(spec)
        wait_running(runner, spec, SECONDS)
        core.delete_namespaced_pod(pods_of(core, cluster_namespace, spec)[0].metadata.name, cluster_namespace)
        end = wait_end(runner, spec, SECONDS)
        assert (end.phase, end.stop_reason) == (Phase.LOST, None)
        assert "deleted before it ended" in (end.message or "")
        # Once it was there it is never started again.
        runner.submit(spec)
        assert pods_of(core, cluster_namespace, spec) == [] or runner.observe(spec.run, 1).phase is Phase.LOST


def test_replicas_end_together(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    """The master finds its workers by name; they are ended when it has ended."""
    command = (
        'if [ "$RANK" = 0 ]; then sleep 2; exit 7; fi; '
        'until getent hosts "$MASTER_ADDR"; do sleep 0.2; done; echo found; sleep 100'
    )
    replicas = (Replica(), *(Replica(role="worker", index=index) for index in range(2)))
    spec = asking(tmp_path, command, framework="pytorch", replicas=replicas)
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 7)
    wait_for(
        lambda: {pod.metadata.labels[labels.ROLE] for pod in pods_of(core, cluster_namespace, spec)} <= {"master"},
        "workers gone",
        SECONDS,
    )


def test_a_failed_replica_fails_the_run(runner: ClusterRunner, tmp_path: Path) -> None:
    command = 'if [ "$RANK" = 0 ]; then sleep 100; else exit 3; fi'
    spec = asking(tmp_path, command, framework="pytorch", replicas=(Replica(), Replica(role="worker")))
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.exit_code, end.message) == (Phase.EXITED, 3, "worker 0: exit code 3")


def test_a_full_quota_is_waited_for(
    runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    core.create_namespaced_resource_quota(cluster_namespace, quota)
    spec = asking(tmp_path, "true")

    def told() -> bool:
        try:
            runner.submit(spec)
        except LaunchRefused:
            raise
        except RunnerError as error:
            return "quota of the namespace is used up" in str(error)
        return False

    wait_for(told, "the quota", SECONDS)
    assert runner.observe(spec.run, 1) == Observation(Phase.ABSENT)
    core.delete_namespaced_resource_quota("none", cluster_namespace)

    def submitted() -> bool:
        try:
            runner.submit(spec)
        except RunnerError:
            return False
        return True

    wait_for(submitted, "room", SECONDS)
    assert wait_end(runner, spec, SECONDS).exit_code == 0


def test_what_the_cluster_refuses_is_told_in_its_words(runner: ClusterRunner, tmp_path: Path) -> None:
    place = Placement(tolerations=({"key": "x", "operator": "Maybe"},))
    spec = asking(tmp_path, "true", replicas=(Replica(place=place),))
    with pytest.raises(LaunchRefused, match='Unsupported value: "Maybe"'):
        runner.submit(spec)


def test_a_cluster_that_is_away_is_waited_for(tmp_path: Path) -> None:
    settings = client.Configuration(host="http://127.0.0.1:1")
    settings.retries = False
    api = ClusterApi(client.ApiClient(settings), "x", TokenBucket(50, 50))
    with pytest.raises(RunnerError, match="the cluster does not answer"):
        ClusterRunner(api, MemoryPodStore(), lambda: SETTINGS).observe("a" * 32, 1)


@pytest.mark.parametrize("name", [name for name in LAUNCHES if not name.startswith("kubeflow")])
def test_the_api_server_takes_every_manifest(core: client.CoreV1Api, cluster_namespace: str, name: str) -> None:
    """Asked to check them strictly, and to create nothing."""
    core.create_namespaced_service_account(cluster_namespace, {"metadata": {"name": "trainer"}})
    core.create_namespaced_service_account(cluster_namespace, {"metadata": {"name": "polyaxon-builds"}})
    plurals = {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "Pod": "pods"}
    for found in objects(LAUNCHES[name], SETTINGS):
        found["metadata"]["namespace"] = cluster_namespace
        answer = core.api_client.call_api(
            f"/api/v1/namespaces/{cluster_namespace}/{plurals[found['kind']]}",
            "POST",
            query_params=[("dryRun", "All"), ("fieldValidation", "Strict")],
            header_params={"Content-Type": "application/json", "Accept": "application/json"},
            body=found,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
        )
        assert answer.status == http.client.CREATED
