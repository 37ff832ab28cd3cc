"""Every way in which a run may fail, brought about for real: its status, the reason, and whether it is tried again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.cluster import api
from tests.cluster.people import Asked, Status, ask
from tests.cluster.plan import NODE_NAME
from tests.runners.contract import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cluster.cluster import Cluster
    from tests.cluster.platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(400)]
SECONDS = 60.0
# Notes each start. Goes on from its checkpoint if there is one; else it makes one, and would take for ever.
CHECKPOINTED = (
    "cd $POLYAXON_RUN_OUTPUTS_PATH; echo x >> starts; "
    'if [ -f checkpoint ]; then echo "goes on from $(cat checkpoint)"; exit 0; fi; '
    "echo 41 > checkpoint; {}sleep 1000"
)
CONTROLLERS = "kube-controller-manager"


@pytest.fixture(scope="module")
def platform(module_platform: Callable[..., Platform]) -> Platform:
    made = module_platform(POLYAXON_K8S_IMAGE_PATIENCE="10", POLYAXON_K8S_NODE_PATIENCE="3")
    made.api.request("POST", "projects", {"name": "p"})
    return made


def retried(platform: Platform, first: str = "", **environment: Any) -> Asked:
    """A run that may be tried again once, and has a checkpoint."""
    asked = ask(platform, CHECKPOINTED.format(first), environment={"max_retries": 1, **environment})
    asked.wait("running")
    wait_for((asked.outputs / "checkpoint").exists, "the checkpoint", SECONDS)
    return asked


def assert_resumed(asked: Asked, *words: str) -> None:
    """It was lost once, said why, and went on from its checkpoint in the same outputs, once there was room."""
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    history = asked.history()
    first, lost, second = history[:4], history[4], [each for each in history[5:] if not waits(each)]
    assert [each.status for each in first] == ["created", "scheduled", "starting", "running"]
    assert (lost.status, lost.message[:6], lost.message[-13:]) == ("warning", "Lost: ", "retry 1 of 1)"), lost
    assert [word for word in words if word not in lost.message] == [], lost
    assert [each.status for each in second] == ["scheduled", "starting", "running", "succeeded"]
    assert (asked.outputs / "starts").read_text() == "x\nx\n"
    wait_for(lambda: "goes on from 41" in asked.log(), "the log", SECONDS)


def waits(status: Status) -> bool:
    return status.status == "warning" and "no node can take it" in status.message


def end_of(asked: Asked) -> Status:
    asked.wait()
    return asked.history()[-1]


def only_pod(asked: Asked, core: client.CoreV1Api) -> str:
    (pod,) = asked.pods(core)
    return str(pod.metadata.name)


def test_an_image_that_is_not_there(platform: Platform, cluster: Cluster, core: client.CoreV1Api) -> None:
    asked = ask(platform, "true", build={"image": f"{cluster.plan.registry}/no-such-image:1"})
    end = end_of(asked)
    assert end.status == "failed"
    assert f"its image {cluster.plan.registry}/no-such-image:1 cannot be pulled" in end.message
    waiting = next(each for each in asked.history() if each.status == "warning")
    assert "cannot be pulled" in waiting.message
    wait_for(lambda: not asked.pods(core), "no pod", SECONDS)


def test_out_of_memory(platform: Platform) -> None:
    limits = {"resources": {"memory": {"limits": 32}}, "max_retries": 1}
    asked = ask(platform, "python3 -c 'x = bytearray(10**9)'", environment=limits)
    end = end_of(asked)
    assert (end.status, "out of memory" in end.message) == ("failed", True), end
    assert [each.status for each in asked.history()].count("starting") == 1  # its own fault: not tried again


def test_an_exit_code(platform: Platform) -> None:
    asked = ask(platform, "echo x >> $POLYAXON_RUN_OUTPUTS_PATH/starts; exit 3", environment={"max_retries": 2})
    assert end_of(asked) == Status("failed", "exit code 3")
    assert (asked.outputs / "starts").read_text() == "x\n"  # its own fault: not tried again


def test_a_user_may_have_failures_tried_again(platform: Platform) -> None:
    policy = {"max_retries": 2, "restart_policy": "on_failure"}
    asked = ask(platform, "echo x >> $POLYAXON_RUN_OUTPUTS_PATH/starts; exit 3", environment=policy)
    assert end_of(asked) == Status("failed", "exit code 3 (after 2 of 2 retries)")
    assert (asked.outputs / "starts").read_text() == "x\n" * 3


def test_no_node_can_take_it(platform: Platform, core: client.CoreV1Api) -> None:
    asked = ask(platform, "true", environment={"node_selector": {"no": "such-node"}})
    asked.wait("warning")
    assert "no node can take it" in asked.history()[-1].message
    assert "node affinity/selector" in asked.detail()["reason"]
    asked.post("stop")
    assert asked.wait()["last_status"] == "stopped"
    assert asked.pods(core) == []


def test_a_pod_that_is_deleted(platform: Platform, core: client.CoreV1Api) -> None:
    once = ask(platform, "sleep 1000")
    again = retried(platform)
    once.wait("running")
    for asked in (once, again):
        core.delete_namespaced_pod(only_pod(asked, core), platform.namespace)
    assert end_of(once) == Status("failed", "its pod was deleted before it ended")
    assert_resumed(again, "its pod was deleted before it ended")


def test_a_pod_that_an_administrator_evicts(platform: Platform, core: client.CoreV1Api) -> None:
    """As `kubectl drain` does."""
    asked = retried(platform)
    name = only_pod(asked, core)
    core.create_namespaced_pod_eviction(
        name, platform.namespace, {"metadata": {"name": name, "namespace": platform.namespace}}
    )
    assert_resumed(asked, "evicted")


def test_a_pod_that_its_node_evicts(platform: Platform, core: client.CoreV1Api) -> None:
    """It fills the disk beyond what its namespace allows."""
    limit = {
        "type": "Container",
        "default": {"ephemeral-storage": "20Mi"},
        "defaultRequest": {"ephemeral-storage": "0"},
    }
    core.create_namespaced_limit_range(platform.namespace, {"metadata": {"name": "disk"}, "spec": {"limits": [limit]}})
    try:
        asked = retried(platform, "head -c 100M /dev/zero > /tmp/large; ")
        assert_resumed(asked, "evicted", "ephemeral")
    finally:
        core.delete_namespaced_limit_range("disk", platform.namespace)


@pytest.fixture
def urgent(cluster: Cluster, platform: Platform) -> Iterator[str]:
    """A priority class above that of runs."""
    scheduling = client.SchedulingV1Api(cluster.api())
    name = f"urgent-{platform.namespace}"
    scheduling.create_priority_class({"metadata": {"name": name}, "value": 1000})
    yield name
    scheduling.delete_priority_class(name)


def test_a_pod_that_has_to_make_room(platform: Platform, core: client.CoreV1Api, urgent: str, cluster: Cluster) -> None:
    most = processors(core) * 0.6
    asked = retried(platform, resources={"cpu": {"requests": most}})
    container = {
        "name": "main",
        "image": cluster.base_image,
        "command": ["sleep", "1000"],
        "resources": {"requests": {"cpu": str(most)}},
    }
    spec = {"priorityClassName": urgent, "restartPolicy": "Never", "containers": [container]}
    core.create_namespaced_pod(platform.namespace, {"metadata": {"name": "urgent"}, "spec": spec})
    wait_for(lambda: any(map(waits, asked.history())), "a wait for room", SECONDS)
    core.delete_namespaced_pod("urgent", platform.namespace, grace_period_seconds=0)
    assert_resumed(asked, "preempt")


def processors(core: client.CoreV1Api) -> float:
    """What the node gives to pods."""
    told = str(core.read_node(NODE_NAME).status.allocatable["cpu"])
    return float(told[:-1]) / 1000 if told.endswith("m") else float(told)


@contextlib.contextmanager
def impatient(cluster: Cluster) -> Iterator[None]:
    """Nodes that are silent for some seconds count as lost, not only after a minute."""
    usual, hasty = cluster.component(CONTROLLERS), cluster.component(CONTROLLERS)
    hasty.flags = ("--node-monitor-grace-period=20s", "--node-monitor-period=1s")  # type: ignore[attr-defined]
    try:
        restart(hasty)
        yield
    finally:
        restart(usual)


def restart(component: Any) -> None:
    component.stop()
    component.start()


def test_a_node_that_is_gone(platform: Platform, core: client.CoreV1Api, cluster: Cluster) -> None:
    """Its kubelet is killed: the run goes on elsewhere, here once the node is back."""
    lost = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    asked = retried(platform, tolerations=[{**lost, "tolerationSeconds": 1}])
    name, kubelet = only_pod(asked, core), cluster.component("kubelet")
    kubelet.kill()
    try:
        # If all nodes were silent the cluster would take itself for the one that is cut off, and evict nothing.
        with api.fake_nodes(core, 1), impatient(cluster):
            wait_for(lambda: "scheduled" in [each.status for each in asked.history()[4:]], "given up", 120)
            # By force, since nobody there removes it.
            wait_for(lambda: name not in names_of(asked, core), "pod gone", SECONDS)
    finally:
        kubelet.start()
    assert_resumed(asked, "its node does not answer")


def names_of(asked: Asked, core: client.CoreV1Api) -> list[str]:
    return [pod.metadata.name for pod in asked.pods(core)]
