"""What the reflector knows is what the real API server says, whatever happens on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from k8s_events.reflector import Reflector
from k8s_events.source import PodSource
from k8s_events.telemetry import RELISTS
from polyaxon.components import Fatal, Turn
from polyaxon.components.leases import Tenure
from polyaxon.pods import SeenPod
from polyaxon.pods.store import MemoryPodStore
from tests.k8s_events.conftest import Pods
from tests.k8s_events.wire import Wire

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

SECONDS = 3  # of one watch


class Watching:
    """A reflector in a thread."""

    def __init__(
        self,
        kubeconfig: Path,
        namespace: str,
        store: MemoryPodStore,
        *,
        patience: float = 60.0,
        version: str | None = None,
        seconds: int = SECONDS,
    ) -> None:
        self.store = store
        self.news: list[SeenPod] = []
        self.error: BaseException | None = None
        self.turn = Turn(Tenure("test", "nobody", 1, 0.0))  # nothing is fenced
        self.reflector = Reflector(
            PodSource(str(kubeconfig), "", namespace), store, self.news.extend, watch_seconds=seconds, patience=patience
        )
        self.reflector._version = version
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.reflector.run(self.turn)
        except BaseException as error:
            self.error = error

    def stop(self, timeout: float = 30.0) -> bool:
        self.turn.end()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def phases(self) -> dict[str, str]:
        """Of the pods that are not gone."""
        return {pod.name: pod.phase.value for pod in self.store.present()}

    def until(self, wanted: dict[str, str], timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while self.phases() != wanted:
            assert time.monotonic() < deadline, f"{self.phases()} is not {wanted}; {self.error!r}"
            time.sleep(0.02)


@pytest.fixture
def start(kubeconfig: Path, cluster_namespace: str) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def starts(store: MemoryPodStore | None = None, **more: Any) -> Watching:
        started.append(Watching(kubeconfig, cluster_namespace, store or MemoryPodStore(), **more))
        return started[-1]

    yield starts
    assert all(each.stop() for each in started)


def connected(line: Wire, than: int = 0) -> None:
    deadline = time.monotonic() + 60
    while line.connections <= than:
        assert time.monotonic() < deadline, "nobody connected"
        time.sleep(0.01)


def test_pods_are_followed_from_their_making_to_their_end(start: Callable[..., Watching], pods: Pods) -> None:
    early = pods.make("early")
    watching = start()
    watching.until({"early": "waiting"})
    late = pods.make("late")
    watching.until({"early": "waiting", "late": "waiting"})
    pods.run(early)
    watching.until({"early": "running", "late": "waiting"})
    pods.end(early, 3)
    pods.delete(late)
    watching.until({"early": "exited"})
    last = {pod.name: pod for pod in watching.news}
    assert last["early"].exit_code == 3
    assert (last["late"].phase, last["late"].is_gone) == ("lost", True)
    time.sleep(2 * SECONDS)  # watches end and others follow, and nothing is told twice
    count = len(watching.news)
    pods.delete(early)
    watching.until({})
    assert {pod.name for pod in watching.news[count:]} == {early}
    assert watching.news[-1].is_gone


def test_pods_without_our_label_are_no_business_of_ours(start: Callable[..., Watching], pods: Pods) -> None:
    watching = start()
    pods.make("other", **{"app.kubernetes.io/managed-by": "somebody"})
    pods.make("mine")
    watching.until({"mine": "waiting"})


def test_what_happens_while_the_watch_is_cut_is_found(start: Callable[..., Watching], pods: Pods, line: Wire) -> None:
    names = [pods.make() for _ in range(3)]
    watching = start()
    watching.until(dict.fromkeys(names, "waiting"))
    for name in names:
        line.cut()
        pods.run(name)
        line.cut()
    watching.until(dict.fromkeys(names, "running"))
    line.cut()
    pods.delete(names[0])
    watching.until(dict.fromkeys(names[1:], "running"))


def test_silence_is_noticed(start: Callable[..., Watching], pods: Pods, line: Wire) -> None:
    """Nothing comes, and the connection stands: as when a router on the way forgets it."""
    name = pods.make()
    watching = start()
    watching.until({name: "waiting"})
    with line.frozen():
        pods.end(name)
        pods.make("second")
        time.sleep(SECONDS * 4 / 3 + 1)
        assert watching.phases() == {name: "waiting"}
    watching.until({name: "exited", "second": "waiting"})


def test_a_version_that_the_server_has_forgotten(start: Callable[..., Watching], pods: Pods, cluster: Cluster) -> None:
    """410 Gone of the real server: version 1 is older than all it remembers, at least since its last start."""
    server = cluster.component("kube-apiserver")
    server.kill()
    server.start()
    first = start()
    name = pods.make()
    first.until({name: "waiting"})
    assert first.stop()
    pods.delete(name)
    other = pods.make()
    relists = _relists("gone")
    start(first.store, version="1").until({other: "waiting"})
    assert _relists("gone") == relists + 1


def _relists(why: str) -> float:
    return float(RELISTS.labels(why)._value.get())


def test_an_api_server_that_starts_again(start: Callable[..., Watching], pods: Pods, cluster: Cluster) -> None:
    name = pods.make()
    watching = start()
    watching.until({name: "waiting"})
    server = cluster.component("kube-apiserver")
    server.kill()
    time.sleep(1)
    server.start()
    pods.run(name)
    watching.until({name: "running"})
    assert watching.error is None


def test_pods_that_vanished_while_nobody_watched(start: Callable[..., Watching], pods: Pods) -> None:
    names = [pods.make() for _ in range(3)]
    first = start()
    first.until(dict.fromkeys(names, "waiting"))
    assert first.stop()
    pods.delete(names[0])
    pods.end(names[1])
    second = start(first.store)
    second.until({names[1]: "exited", names[2]: "waiting"})
    assert [(pod.name, pod.phase, pod.is_gone) for pod in second.news if pod.is_gone] == [(names[0], "lost", True)]


def test_a_pod_that_is_made_during_a_list_is_not_taken_for_gone(
    start: Callable[..., Watching], pods: Pods, cluster_namespace: str, kubeconfig: Path
) -> None:
    """The runner stores a pod that it has just made, after the list was taken and before it was read."""
    source = PodSource(str(kubeconfig), "", cluster_namespace)
    store = MemoryPodStore()
    reflector = Reflector(source, store, lambda _: None)
    listed = source.list

    def late() -> tuple[list[dict[str, object]], str]:
        found = listed()
        pods.make("new")
        from polyaxon.pods import mapping

        store.put(
            mapping.seen(
                client.ApiClient().sanitize_for_serialization(pods.core.read_namespaced_pod("new", cluster_namespace))
            )
        )
        return found

    source.list = late  # type: ignore[method-assign]
    reflector._list()
    assert [pod.phase for pod in store.present()] == ["waiting"]


def test_it_ends_at_once_when_its_turn_does(start: Callable[..., Watching], pods: Pods, line: Wire) -> None:
    pods.make("one")
    watching = start(seconds=100)
    watching.until({"one": "waiting"})
    connected(line)
    assert watching.stop(30)  # long before the watch ends


def test_whoever_is_refused_for_long_gives_up_with_one_clear_line(
    cluster: Cluster, cluster_namespace: str, tmp_path: Path, pods: Pods
) -> None:
    """An account without any right."""
    token = pods.core.create_namespaced_service_account_token(
        "default", cluster_namespace, {"spec": {"expirationSeconds": 600}}
    ).status.token
    import yaml

    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    path = tmp_path / "powerless"
    path.write_text(yaml.safe_dump(content))
    watching = Watching(path, cluster_namespace, MemoryPodStore(), patience=1.0)
    watching._thread.join(60)
    assert isinstance(watching.error, Fatal)
    assert "has refused for 1 s to show pods of namespace" in str(watching.error)
    assert "403 Forbidden" in str(watching.error)


def test_it_says_until_when_nothing_was_missed(
    start: Callable[..., Watching], pods: Pods, line: Wire, cluster_namespace: str
) -> None:
    pods.make("one")
    watching = start()
    watching.until({"one": "waiting"})
    first = watching.store.watched_at(cluster_namespace)
    assert first is not None
    time.sleep(2 * SECONDS + 1)
    deadline = time.monotonic() + 60
    while watching.store.watched_at(cluster_namespace) == first and time.monotonic() < deadline:
        time.sleep(0.1)
    second = watching.store.watched_at(cluster_namespace)
    assert second is not None
    assert second > first
    with line.frozen():
        time.sleep(2)  # what has passed already is read
        held = watching.store.watched_at(cluster_namespace)
        time.sleep(SECONDS)
        assert watching.store.watched_at(cluster_namespace) == held
