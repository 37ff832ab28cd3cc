"""The reflector as a process: killed, doubled, refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polyaxon.db.models import Lease, PodState, PodWatch
from tests.components.processes import Process, database_environment
from tests.k8s_events.conftest import Pods

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]
LOOP = "k8s-events/pods"
# Waits between the list and the watch, until it is killed.
HANGS = """
import sys, time
from k8s_events import source
def hang(*_):
    time.sleep(1000)
source.PodSource.watch = hang
from django.core.management import execute_from_command_line
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


@pytest.fixture
def replica(kubeconfig: Path, cluster_namespace: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def make(program: Path | None = None, **environment: str) -> Process:
        stores = '{"outputs": {"mountPath": "/outputs", "hostPath": "/nowhere"}}'
        found = {
            "POLYAXON_RUNNER_BACKEND": "kubernetes",
            "POLYAXON_PERSISTENCE_OUTPUTS": stores,
            "POLYAXON_K8S_KUBECONFIG": str(kubeconfig),
            "POLYAXON_K8S_NAMESPACE": cluster_namespace,
            "POLYAXON_K8S_WATCH_SECONDS": "3",
            **database_environment(),
            **environment,
        }
        made.append(Process("k8s-events", tmp_path, found, program=program))
        return made[-1]

    yield make
    for each in made:
        each.close()


def phases() -> dict[str, str]:
    return dict(PodState.objects.filter(is_gone=False).values_list("name", "phase"))


def test_one_of_two_acts_and_the_other_takes_over(replica: Callable[..., Process], pods: Pods) -> None:
    first = replica().start()
    first.until(lambda: first.acts(LOOP))
    second = replica(POLYAXON_LEASE_SECONDS="200").start()
    name = pods.make()
    first.until(lambda: phases() == {name: "waiting"})
    assert not second.acts(LOOP)
    token = Lease.objects.get(name=LOOP).token
    first.kill()
    pods.run(name)
    second.until(lambda: second.acts(LOOP))
    second.until(lambda: phases() == {name: "running"})
    assert Lease.objects.get(name=LOOP).token == token + 1
    third = replica().start()
    assert second.stop() == 0
    pods.end(name)
    third.until(lambda: phases() == {name: "exited"})  # given back: nobody waits for its expiry


def test_killed_between_list_and_watch(replica: Callable[..., Process], pods: Pods, tmp_path: Path) -> None:
    names = [pods.make() for _ in range(3)]
    program = tmp_path / "program.py"
    program.write_text(HANGS)
    hanging = replica(program).start()
    hanging.until(lambda: phases() == dict.fromkeys(names, "waiting"))
    pods.run(names[0])
    pods.delete(names[1])
    hanging.kill()
    pods.end(names[2], 1)
    second = replica().start()
    second.until(lambda: phases() == {names[0]: "running", names[2]: "exited"})
    lost = PodState.objects.get(name=names[1])
    assert (lost.phase, lost.is_gone, lost.message) == ("lost", True, "its pod was deleted before it ended")
    assert PodWatch.objects.get(namespace=pods.namespace)


def test_it_dies_loudly_without_access(replica: Callable[..., Process], tmp_path: Path, pods: Pods) -> None:
    token = "no-token-of-this-cluster"
    import yaml

    path = tmp_path / "stranger"
    content = yaml.safe_load((tmp_path / "kubeconfig").read_text())
    content["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(content))
    stranger = replica(POLYAXON_K8S_KUBECONFIG=str(path), POLYAXON_K8S_REFUSED_PATIENCE="1").launch()
    assert stranger.process is not None
    assert stranger.process.wait(180) == 1
    last = stranger.log.read_text().splitlines()[-1]
    assert f"has refused for 1 s to show pods of namespace {pods.namespace}: 401 Unauthorized" in last
    assert "Traceback" not in stranger.log.read_text()


def test_what_it_tells(replica: Callable[..., Process], pods: Pods) -> None:
    process = replica().start()
    process.until(PodWatch.objects.exists)
    pods.make(run=uuid.uuid4().hex)
    process.until(lambda: process.metric('polyaxon_pod_events_total{type="added"}') == 1)
    assert process.metric('polyaxon_lease_held{lease="k8s-events/pods"}') == 1
    assert process.metric("process_resident_memory_bytes") > 1e6
    code, parts = process.ask("/readyz")
    assert (code, parts["database"], parts["broker"]) == (503, True, False)  # there is no broker here
    assert process.ask("/other")[0] == 404
