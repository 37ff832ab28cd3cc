"""A cluster leaves nothing on the machine, however it ends. These clusters are further ones beside the shared one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from kubernetes import client

from tests.cluster import api, cgroups, images, packages, places
from tests.cluster.cluster import Cluster, sweep
from tests.cluster.node import KERNEL_SETTINGS
from tests.cluster.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cluster.identity import Identity

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


SHOWN = {"links", "routes", "groups", "loops", "folder"}


@pytest.fixture
def state(cluster: Cluster) -> Iterator[Path]:
    """The folder of a further cluster, which is taken away if the test has not done so."""
    # Not below tmp_path, which pytest keeps, nor below /var.
    folder = cluster.plan.folder.with_name(f"{cluster.plan.folder.name}-further")
    yield folder
    if (left := Cluster.find(folder)) is not None:
        left.down()


def output(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def seen(state: Path) -> dict[str, Any]:
    """All that a cluster could leave on this machine but processes, less what other checkouts' clusters have."""
    own = Plan(str(state), 0)

    def counts(told: str) -> bool:
        return "polyaxon" not in told or own.link in told or own.cgroup in told

    links = [line.split(":")[1].split("@")[0].strip() for line in output("ip", "-oneline", "link")]
    groups = [str(path) for _, root in cgroups.hierarchies() for path in root.glob("polyaxon-cluster-*")]
    return {
        "links": set(filter(counts, links)),
        "routes": list(filter(counts, output("ip", "route"))),
        # But those of tests that run beside it.
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/pytest-of-" not in line],
        "filters": [line for line in output(packages.program("iptables-save")) if line[0] in "-:"],
        "groups": set(filter(counts, groups)),
        "kernel": {name: Path("/proc/sys", name).read_text() for name in KERNEL_SETTINGS},
        "loops": [line for line in output("losetup", "--all") if str(state) in line],
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "namespaces": output("ip", "netns"),
        "folder": state.exists(),
        "run": {path.name for path in Path("/run").iterdir()} & {"containerd", "netns", "kubernetes", "etcd"},
        "var": {path.name for path in Path("/var/lib").iterdir()} & {"kubelet", "cni"},
    }


def processes_of(state: Path) -> list[int]:
    """Processes whose command line or environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(state) in each for each in told):
            found.append(process.pid)
    return found


def run_something(cluster: Cluster) -> None:
    """A pod with a volume that goes on, and a service: mounts, links and filters of all kinds."""
    core = client.CoreV1Api(cluster.api())
    image = images.reference(cluster.plan, images.PAUSE)
    pod = api.pod("one", image, ["/pause"], volumeMounts=[{"name": "room", "mountPath": "/room"}])
    pod["spec"]["volumes"] = [{"name": "room", "emptyDir": {"medium": "Memory"}}]
    core.create_namespaced_pod("default", pod)
    core.create_namespaced_service(
        "default", {"metadata": {"name": "one"}, "spec": {"selector": {"app": "one"}, "ports": [{"port": 80}]}}
    )
    api.wait_for("pod", lambda: core.read_namespaced_pod("one", "default").status.phase == "Running" or None)


def kill_components(cluster: Cluster) -> None:
    for name in ("kubelet", "containerd", "kube-proxy"):
        cluster.component(name).kill()


def kill_keeper(cluster: Cluster) -> None:
    assert cluster.node.keeper is not None
    os.kill(cluster.node.keeper.pid, signal.SIGKILL)


def kill_first_process(cluster: Cluster) -> None:
    os.kill(cluster.node.init.pid, signal.SIGKILL)


def test_machine_sees_only_cable_and_groups_of_a_cluster_and_nothing_after_it(state: Path) -> None:
    before = seen(state)
    with Cluster.up(state) as cluster:
        run_something(cluster)
        during = seen(state)
        assert {key for key in before if before[key] != during[key]} == SHOWN
        assert during["links"] == {*before["links"], cluster.plan.link}
        members = cluster.node.members()
        assert len(members) > 12
    assert_gone(state, before, members)


@pytest.mark.parametrize("harm", [kill_components, kill_keeper, kill_first_process])
def test_down_after_a_kill_leaves_nothing(harm: Callable[[Cluster], None], state: Path) -> None:
    before = seen(state)
    cluster = Cluster.up(state)
    run_something(cluster)
    members = cluster.node.members()
    harm(cluster)
    cluster.down()
    assert_gone(state, before, members)


def assert_gone(state: Path, before: dict[str, Any], members: list[Identity]) -> None:
    """Nothing is there that was not there before; `members` are the processes that the cluster had."""
    assert seen(state) == before
    assert processes_of(state) == []
    assert [each for each in members if each.is_alive()] == []


def test_killed_up_is_cleaned_by_down(state: Path) -> None:
    before = seen(state)
    variables = {**os.environ, places.STATE_VARIABLE: str(state)}
    command = [sys.executable, "-m", "tests.cluster"]
    up = subprocess.Popen([*command, "up"], cwd=places.ROOT, env=variables, stdout=subprocess.DEVNULL)
    api.wait_for("API server begins", lambda: True if (state / "logs" / "kube-apiserver.log").exists() else None)
    time.sleep(0.5)
    up.kill()
    up.wait()
    assert processes_of(state)
    subprocess.run([*command, "down"], cwd=places.ROOT, env=variables, check=True)
    assert seen(state) == before
    assert processes_of(state) == []


def test_cluster_of_a_killed_owner_ends_and_is_swept_away(cluster: Cluster, state: Path) -> None:
    before = seen(state)
    code = (
        "from pathlib import Path; from tests.cluster.cluster import Cluster; import sys, time;"
        "Cluster.up(Path(sys.argv[1]), bound=True); print('up', flush=True); time.sleep(100)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(state)], cwd=places.ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    while (line := owner.stdout.readline()) != b"up\n":
        assert line, "the owner ended before its cluster was up"
    owner.kill()
    owner.wait()
    api.wait_for("all ended", lambda: None if processes_of(state) else True)
    assert seen(state) != before
    sweep(cluster.plan.folder)
    assert seen(state) == before
    assert cluster.is_usable()
