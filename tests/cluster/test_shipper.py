"""The shipper of logs beside a real cluster: several at once, containers that start again, pods that vanish."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from monitors.logs.shipper import LogShipper
from monitors.logs.source import LogSource
from polyaxon import storage
from polyaxon.actions.log_shipments import open_shipment
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, LogShipment
from polyaxon.pods import labels, mapping
from polyaxon.pods.database import DatabasePodStore
from polyaxon.pods.seen import gone
from tests.cluster import api
from tests.factories import make_experiment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _logs(settings: Any, tmp_path: Path) -> None:
    stores = settings.CONFIG.stores.model_copy(update={"logs_root": tmp_path / "logs"})
    settings.CONFIG = replaced(settings.CONFIG, stores=stores)


@pytest.fixture
def new_shipper(cluster: Cluster, cluster_namespace: str) -> Callable[..., LogShipper]:
    return lambda **more: LogShipper(LogSource(cluster.api(), cluster_namespace), **more)


class Pods:
    """Pods of runs, seen as a watch would see them."""

    def __init__(self, core: client.CoreV1Api, namespace: str, image: str) -> None:
        self.core, self.namespace, self.image = core, namespace, image

    def create(self, run: Experiment, program: str, **spec: Any) -> str:
        name = f"plx-{uuid.uuid4().hex}"
        made = api.pod(name, self.image, ["python3", "-uc", program])
        made["metadata"]["labels"] = {
            labels.MANAGED_BY[0]: labels.MANAGED_BY[1],
            labels.RUN: run.uuid.hex,
            labels.ATTEMPT: "1",
            labels.KIND: "experiment",
            labels.ROLE: "master",
            labels.INDEX: "0",
        }
        made["spec"] |= spec
        self.core.create_namespaced_pod(self.namespace, made)
        return name

    def see(self) -> None:
        store = DatabasePodStore()
        found = self.core.list_namespaced_pod(self.namespace, _preload_content=False)
        pods = client.ApiClient().deserialize(found, "object")["items"]
        now = datetime.now(UTC)
        seen = [mapping.seen(pod, now) for pod in pods]
        for pod in seen:
            store.put(pod)
        for pod in store.present():
            if pod.uid not in {each.uid for each in seen}:
                store.put(gone(pod, now))


@pytest.fixture
def pods(cluster: Cluster, core: client.CoreV1Api, cluster_namespace: str) -> Pods:
    return Pods(core, cluster_namespace, cluster.base_image)


def new_run() -> Experiment:
    run = make_experiment()
    open_shipment(run)
    return run


def texts(run: Experiment) -> list[str]:
    data = b"".join(storage.logs().read(run.sub_path)).decode()
    return [line.split(" -- ", 1)[1] for line in data.splitlines()]


def ship(pods: Pods, shippers: list[LogShipper], until: Callable[[], bool], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not until():
        assert time.monotonic() < deadline
        pods.see()
        for shipper in shippers:
            shipper.run_once()
        time.sleep(0.1)


def test_several_that_take_runs_from_each_other(pods: Pods, new_shipper: Callable[..., LogShipper]) -> None:
    """Leases that end too soon cost work, but no line is stored twice."""
    run = new_run()
    pods.create(run, "import time\nfor n in range(1500):\n    print(n)\n    time.sleep(0.005)")
    shippers = [new_shipper() for _ in range(3)]

    def until() -> bool:
        LogShipment.objects.update(owned_until=None)  # every one may take it, while others still read
        return len(texts(run)) >= 1500

    ship(pods, shippers, until)
    for shipper in shippers:
        shipper.run_once()
    assert texts(run) == [str(n) for n in range(1500)]


def test_a_process_that_vanishes_with_lines_that_it_had_read(
    pods: Pods, new_shipper: Callable[..., LogShipper]
) -> None:
    run = new_run()
    pods.create(run, "import time\nfor n in range(600):\n    print(n)\n    time.sleep(0.005)")
    first, second = new_shipper(), new_shipper()
    ship(pods, [first], lambda: len(texts(run)) > 50)
    time.sleep(0.5)  # its threads read on, and it never stores what they read
    storage.logs().append(run.sub_path, ["2026-01-01 00:00:00 UTC -- written and never acknowledged"])
    LogShipment.objects.update(owned_until=None)
    ship(pods, [second], lambda: len(texts(run)) >= 600)
    assert texts(run) == [str(n) for n in range(600)]
    first.stop()


def test_a_container_that_starts_again(pods: Pods, new_shipper: Callable[..., LogShipper]) -> None:
    """Each start has a log of its own."""
    run = new_run()
    program = (
        "import os, sys, time\nfirst = not os.path.exists('/data/x')\nopen('/data/x', 'a')\n"
        "print('first' if first else 'second')\ntime.sleep(1)\nsys.exit(first)"
    )
    name = pods.create(
        run, program, restartPolicy="OnFailure", volumes=[{"name": "data", "emptyDir": {}}],
        containers=[
            {
                "name": "main",
                "image": pods.image,
                "command": ["python3", "-uc", program],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
    )  # fmt: skip
    del name
    shipper = new_shipper()
    ship(pods, [shipper], lambda: texts(run) == ["first", "second"])
    set_status(run, "succeeded")
    ship(pods, [shipper], lambda: LogShipment.objects.get().done_at is not None)
    assert (texts(run), LogShipment.objects.get().reason) == (["first", "second"], "")


def test_a_pod_that_is_gone_before_its_log_was_read(
    pods: Pods, core: client.CoreV1Api, cluster_namespace: str, new_shipper: Callable[..., LogShipper]
) -> None:
    run = new_run()
    name = pods.create(run, "print('never read')")
    api.finished(core, cluster_namespace, name)
    pods.see()
    core.delete_namespaced_pod(name, cluster_namespace, grace_period_seconds=0)
    set_status(run, "succeeded")
    ship(pods, [new_shipper()], lambda: LogShipment.objects.get().done_at is not None)
    assert texts(run) == []
    assert "its pod was gone before the end of its log was read" in LogShipment.objects.get().reason


def test_a_log_that_was_rotated_is_read_on(pods: Pods, new_shipper: Callable[..., LogShipper]) -> None:
    """More than the kubelet keeps in one file, 10 MiB, while it is followed; twice.

    It looks every ten seconds. While it does nothing is written: a line that is just then would be cut in two by the
    node, which may lose the first part. So each part is hardly more than that.
    """
    run, lines = new_run(), 71_000
    program = f"""
import time
for part in range(2):
    for n in range({lines}):
        print(f'{{part * {lines} + n:06}}', 'x' * 100)
    time.sleep(15)
print('end')"""
    pods.create(run, program)
    ship(pods, [new_shipper()], lambda: texts(run)[-1:] == ["end"], 180)
    assert [int(line.split()[0]) for line in texts(run)[:-1]] == list(range(2 * lines))
