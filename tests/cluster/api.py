"""Talking to the cluster through the official client."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import time
from typing import TYPE_CHECKING, Any, TypeVar

from kubernetes import client, config

from tests.cluster.commands import ClusterError
from tests.cluster.components.kwok import ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

PATIENCE = 60.0
FAKE_ROOM: Mapping[str, str] = {"cpu": "1000", "memory": "1Ti", "pods": "10000"}


def connect(kubeconfig: Path) -> client.ApiClient:
    """A client with an administrator's rights; a proxy that the environment names is not asked."""
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    settings.proxy = None
    return client.ApiClient(settings)


def wait_for(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """The first result of `look` that is not None; `ClusterError` if there is none in time."""
    deadline = time.monotonic() + patience
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.2)
    return found


def pod(name: str, image: str, command: Sequence[str], **container: Any) -> dict[str, Any]:
    """A pod of one container that runs once. `container`: further fields of it, spelled as in a manifest."""
    fields = {"name": "main", "image": image, "command": list(command), **container}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [fields]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def finished(core: client.CoreV1Api, namespace: str, name: str, patience: float = PATIENCE) -> Any:
    """The pod, once it has succeeded or failed."""

    def look() -> Any:
        found = core.read_namespaced_pod(name, namespace)
        return found if found.status.phase in {"Succeeded", "Failed"} else None

    return wait_for(f"pod {name} finished", look, patience)


@contextlib.contextmanager
def fake_nodes(core: client.CoreV1Api, count: int) -> Iterator[list[str]]:
    """Nodes that kwok plays, by name. Only pods that tolerate the taint and select one of them get there."""
    names = [f"fake-{secrets.token_hex(4)}" for _ in range(count)]
    with contextlib.ExitStack() as stack:
        for name in names:
            _add_fake_node(core, name)
            stack.callback(core.delete_node, name)
        yield names


def _add_fake_node(core: client.CoreV1Api, name: str) -> None:
    core.create_node(
        {
            "metadata": {
                "name": name,
                "annotations": {ANNOTATION: "fake"},
                "labels": {"kubernetes.io/hostname": name, "type": "fake"},
            },
            "spec": {"taints": [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
            "status": {"capacity": dict(FAKE_ROOM), "allocatable": dict(FAKE_ROOM)},
        }
    )


def on_fake_node(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod, sent to fake nodes."""
    tolerations = [{"key": ANNOTATION, "operator": "Exists"}]
    return {**manifest, "spec": {**manifest["spec"], "nodeSelector": {"type": "fake"}, "tolerations": tolerations}}


@contextlib.contextmanager
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace in which pods can be made; deleted at the end, with all that is in it, without waiting for that."""
    name = f"test-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name}})
    try:
        wait_for(f"service account of {name}", lambda: _account(core, name))
        yield name
    finally:
        core.delete_namespace(name)


def _account(core: client.CoreV1Api, name: str) -> Any:
    try:
        return core.read_namespaced_service_account("default", name)
    except client.ApiException as error:
        if error.status == http.client.NOT_FOUND:
            return None
        raise
