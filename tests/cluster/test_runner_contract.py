"""The contract of runners, on a real cluster."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.base import LaunchSpec, Runner, StopReason
from scheduler.runners.kubernetes.spec import Code
from tests.api.test_repos import archive
from tests.cluster.helper import push_helper
from tests.cluster.runs import make_runner, on_node, pod_log, watching
from tests.embedded.server import Server
from tests.helper.test_init import code_token, upload
from tests.runners.contract import RunnerContract, make_spec, wait_end, wait_running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

    from tests.cluster.cluster import Cluster

PROJECT = "digits"


class _Project:
    """A project on a server that pods reach, with one commit and a run that stands on it."""

    def __init__(self, server: Server, folder: Path) -> None:
        server.request("POST", "projects", {"name": PROJECT})
        self.commit = upload(server, PROJECT, archive(**{"train.sh": "echo trained\n"}))
        self.repository = next((folder / "repos").glob("*.git"))
        experiment = server.create_experiment(PROJECT, "sleep 1000")
        address = f"{server.url}/api/v1/admin/{PROJECT}/repo/download?commit={self.commit}"
        self.code = Code(url=address, token=code_token(server, experiment))


@pytest.fixture(scope="module")
def project(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Project]:
    folder = tmp_path_factory.mktemp("server") / "data"
    host = cluster.plan.host
    hosts = f'["{host}", "127.0.0.1", "localhost"]'
    server = Server(folder, POLYAXON_HOST=host, POLYAXON_ALLOWED_HOSTS=hosts)
    server.url = f"http://{host}:{server.port}"
    try:
        yield _Project(server.start(patience=180), folder)  # beside a cluster everything is slow
    finally:
        server.close()


@pytest.fixture(scope="module")
def helper(cluster: Cluster) -> str:
    return push_helper(cluster.plan)


class TestClusterRunner(RunnerContract):
    seconds = 60.0
    resolution = timedelta(seconds=1)

    @pytest.fixture(autouse=True)
    def _core(self, core: client.CoreV1Api, cluster_namespace: str) -> None:
        self.core, self.namespace = core, cluster_namespace
        self.project: _Project | None = None

    @pytest.fixture
    def runner(self, cluster: Cluster, cluster_namespace: str, core: client.CoreV1Api, helper: str) -> Iterator[Runner]:
        store = MemoryPodStore()
        with watching(core, cluster_namespace, store):
            yield make_runner(cluster, cluster_namespace, store, helper=helper)

    @pytest.fixture
    def repository(self, project: _Project) -> tuple[Path, str]:
        self.project = project
        return project.repository, project.commit

    def spec(self, folder: Path, command: str, **more: Any) -> LaunchSpec:
        code = self.project.code if self.project and more.get("repository") else None
        return on_node(make_spec(folder, command, **more), code=code)

    def logs(self, spec: LaunchSpec) -> list[str]:
        return pod_log(self.core, self.namespace, spec.run)

    # Kubernetes tells exit codes only; those above 128 are what shells make of signals.
    @pytest.mark.parametrize(
        ("command", "status", "words"),
        [
            ("exit 1", (1, None), "exit code 1"),
            ("exit 255", (255, None), "exit code 255"),
            ("no-such-command-here", (127, None), "command not found (exit code 127)"),
            ("touch f; chmod -x f; ./f", (126, None), "not executable (exit code 126)"),
            ("kill -KILL $$", (None, 9), "killed by SIGKILL (out of memory, or ended from outside)"),
            ("kill -SEGV $$", (None, 11), "killed by SIGSEGV (invalid memory access in native code)"),
            ("bash -c 'kill -9 $$'; exit $?", (None, 9), "killed by SIGKILL (out of"),
        ],
    )
    def test_an_end_is_told_in_words(
        self, runner: Runner, tmp_path: Path, command: str, status: tuple[int | None, int | None], words: str
    ) -> None:
        super().test_an_end_is_told_in_words(runner, tmp_path, command, status, words)

    def test_a_second_stop_keeps_the_reason_and_may_hurry(self, runner: Runner, tmp_path: Path) -> None:
        """A kubelet that has begun to wait does not hurry with every container runtime; the pod says what is asked."""
        spec = self.spec(tmp_path, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
        runner.submit(spec)
        self.wait_log(spec, "ready")
        runner.stop(spec.run, 1, StopReason.USER, 8)
        runner.stop(spec.run, 1, StopReason.SHUTDOWN, 0)
        pods = self.core.list_namespaced_pod(self.namespace).items
        assert all(pod.metadata.deletion_grace_period_seconds == 1 for pod in pods)  # it may have ended by now
        assert wait_end(runner, spec, self.seconds).stop_reason == StopReason.USER

    def test_usage_covers_all_processes(self, runner: Runner, tmp_path: Path) -> None:
        """A kubelet measures every ten seconds or so, and counts processes by itself."""
        spec = self.spec(tmp_path, "(while :; do :; done) & echo ready; sleep 100")
        runner.submit(spec)
        wait_running(runner, spec, self.seconds)
        deadline = time.monotonic() + self.seconds
        while (usage := runner.usage(spec.run, 1)) is None or usage.cpu_percent < 5 or usage.processes < 2:
            assert time.monotonic() < deadline, usage
            time.sleep(1)
        assert usage.memory_bytes > 1_000_000
        assert usage.cpu_percent < 150
        runner.stop(spec.run, 1, StopReason.USER, 0)
        wait_end(runner, spec, self.seconds)
        assert runner.usage(spec.run, 1) is None
