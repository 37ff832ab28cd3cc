"""Replicas that start each other, or whose framework has a way of its own to find the others: by the frameworks."""

from __future__ import annotations

import json
import platform
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.base import Phase, StopReason
from scheduler.runners.kubernetes.manifests import names
from scheduler.runners.kubernetes.spec import Placement, Replica
from scheduler.runners.kubernetes.ssh import new_key
from tests.cluster.api import wait_for
from tests.cluster.framework_images import push_mpi, push_mxnet
from tests.cluster.runs import make_runner, on_node, pod_log, untagged, watching
from tests.runners.contract import make_spec, wait_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.runner import ClusterRunner
    from tests.cluster.cluster import Cluster

SECONDS = 120.0
GPU = "example.com/gpu"
LONG = "long" * 2000
ODD = "$HOME \"it's\n$(a b)"


@pytest.fixture
def runner(cluster: Cluster, cluster_namespace: str, core: client.CoreV1Api) -> Iterator[ClusterRunner]:
    store = MemoryPodStore()
    with watching(core, cluster_namespace, store):
        yield make_runner(cluster, cluster_namespace, store, gpu=GPU)


@pytest.fixture
def gpus(core: client.CoreV1Api) -> Iterator[None]:
    """The node has devices, as far as the scheduler of pods can tell."""
    _offer(core, "8")
    yield
    _offer(core, None)


def _offer(core: client.CoreV1Api, number: str | None) -> None:
    (node,) = (each for each in core.list_node().items if each.metadata.name == "node")
    core.patch_node_status(node.metadata.name, {"status": {"capacity": {GPU: number}, "allocatable": {GPU: number}}})


def program(name: str) -> str:
    """A command that needs no code in the pod."""
    return f"python -c {shlex.quote(Path(__file__).with_name(name).read_text())}"


def mpi(cluster: Cluster, folder: Path, command: str, *places: Placement) -> LaunchSpec:
    """A replica in each place, the master first."""
    replicas = (Replica(place=places[0]), *others("worker", *places[1:]))
    image = push_mpi(cluster.plan)
    return on_node(make_spec(folder, command), image=image, framework="mpi", replicas=replicas, ssh=new_key())


def others(role: str, *places: Placement) -> tuple[Replica, ...]:
    return tuple(Replica(role=role, index=index, place=place) for index, place in enumerate(places))


def told(lines: list[str]) -> list[dict[str, Any]]:
    """What rank 0 gathered; nothing else is in the log."""
    (line,) = lines
    found: list[dict[str, Any]] = json.loads(untagged(line))
    return found


def test_ranks_of_all_pods_compute_together(
    cluster: Cluster, runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    """Each is in a pod of its own, has that one's environment, and is reached by ssh through the one before it."""
    told_all = {"TOLD_LONG": LONG, "OMPI_MCA_routed_radix": "1"}
    places = [Placement(env={**told_all, "TOLD_ODD": f"{ODD}{number}"}) for number in range(3)]
    spec = mpi(cluster, tmp_path, program("mpi_ranks.py"), *places)
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    lines = pod_log(core, cluster_namespace, spec.run)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0), lines
    found = told(lines)
    replicas = names.cluster(spec).replicas
    assert [each["host"] for each in found] == [names.pod(spec, replica) for replica in replicas]
    assert [(each["rank"], each["size"], each["sum"]) for each in found] == [(rank, 3, 6.0) for rank in range(3)]
    assert [(each["umask"], each["folder"]) for each in found] == [(0o22, "/code")] * 3
    assert [each["env"]["TOLD_ODD"] for each in found] == [f"{ODD}{number}" for number in range(3)]
    assert [each["env"]["TOLD_LONG"] for each in found] == [LONG] * 3
    assert [each["env"]["POLYAXON_POD_ID"] for each in found] == [each["host"] for each in found]
    assert len({each["env"]["PATH"] for each in found}) == 1


@pytest.mark.usefixtures("gpus")
def test_a_rank_for_each_gpu(
    cluster: Cluster, runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    """As Horovod counts them: in the world, in the pod, and across pods."""
    place = Placement(resources={"gpu": {"limits": 2.0}})
    spec = mpi(cluster, tmp_path, program("mpi_ranks.py"), place, place)
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    lines = pod_log(core, cluster_namespace, spec.run)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0), lines
    found = told(lines)
    assert [each["sum"] for each in found] == [10.0] * 4
    assert [each["local"] for each in found] == [[0, 2], [1, 2]] * 2
    assert [each["across"] for each in found] == [[0, 2], [0, 2], [1, 2], [1, 2]]
    assert [each["host"].split("-")[2] for each in found] == ["master", "master", "worker", "worker"]


def test_a_rank_that_fails_fails_the_run(cluster: Cluster, runner: ClusterRunner, tmp_path: Path) -> None:
    command = 'test "$OMPI_COMM_WORLD_RANK" = 0 || exit 3; sleep 1000'
    spec = mpi(cluster, tmp_path, command, Placement(), Placement())
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 3)


def test_ranks_run_as_the_user_that_the_file_names(
    cluster: Cluster, runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    place = Placement(security_context={"runAsUser": 1000})
    spec = mpi(cluster, tmp_path, "id -u", place, place)
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    lines = pod_log(core, cluster_namespace, spec.run)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0), lines
    assert sorted(line.rpartition(">:")[2] for line in lines) == ["1000", "1000"]


def test_what_the_first_rank_of_a_stopped_run_saves(cluster: Cluster, runner: ClusterRunner, tmp_path: Path) -> None:
    """Which takes longer than mpirun would give it; the other one is there until then."""
    saving = 'sleep 3; cp "$POLYAXON_RUN_OUTPUTS_PATH"/{alive-1,saved}; exit 0'
    command = f"""\
        cd "$POLYAXON_RUN_OUTPUTS_PATH"
        test "$OMPI_COMM_WORLD_RANK" != 0 || trap '{saving}' TERM
        alive=alive-$OMPI_COMM_WORLD_RANK
        while :; do date +%s%N > "$alive.new" && mv "$alive.new" "$alive"; sleep 0.1; done"""
    spec = mpi(cluster, tmp_path, command, Placement(), Placement())
    runner.submit(spec)
    alive = [spec.outputs_path / f"alive-{rank}" for rank in range(2)]
    wait_for("both ranks", lambda: all(path.exists() for path in alive) or None)
    asked = int(alive[1].read_text())
    runner.stop(spec.run, 1, StopReason.USER, 60)
    end = wait_end(runner, spec, 55)  # of itself, and not when its time is over
    assert (end.phase, end.stop_reason) == (Phase.EXITED, StopReason.USER)
    assert int((spec.outputs_path / "saved").read_text()) - asked > 2e9


@pytest.mark.skipif(platform.machine() != "x86_64", reason="MXNet has no packages for this machine")
def test_workers_of_mxnet_push_and_pull(
    cluster: Cluster, runner: ClusterRunner, core: client.CoreV1Api, cluster_namespace: str, tmp_path: Path
) -> None:
    replicas = (Replica(), *others("worker", Placement(), Placement()), *others("server", Placement()))
    image = push_mxnet(cluster.plan)
    spec = on_node(make_spec(tmp_path, program("mxnet_ranks.py")), image=image, framework="mxnet", replicas=replicas)
    runner.submit(spec)
    end = wait_end(runner, spec, SECONDS)
    found = [json.loads(path.read_text()) for path in sorted(spec.outputs_path.iterdir())]
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0), pod_log(core, cluster_namespace, spec.run)
    assert found == [{"rank": rank, "workers": 2, "sum": [3.0, 3.0]} for rank in range(2)]
