"""Runners on the test cluster, and somebody who watches its pods for them."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes import client, watch

from polyaxon.pods import labels, mapping
from polyaxon.pods.seen import gone
from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.kubernetes.api import ClusterApi, connect
from scheduler.runners.kubernetes.limits import TokenBucket
from scheduler.runners.kubernetes.runner import ClusterRunner
from scheduler.runners.kubernetes.spec import ClusterSettings, ClusterSpec, Volume
from scheduler.runners.kubernetes.verdict import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler.runners.base import LaunchSpec
    from tests.cluster.cluster import Cluster

PATIENCE_WITH_LOGS = 60.0  # seconds


@dataclass
class Watcher:
    """Puts every change of pods into a store, as the room k8s_events does in production."""

    core: client.CoreV1Api
    namespace: str
    store: MemoryPodStore
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until told to end."""
        stream = watch.Watch()
        while not self._ended.is_set():
            try:
                self._follow(stream)
            except Exception:
                stream.resource_version = None  # a watch that breaks off is begun anew, by a list

    def _follow(self, stream: watch.Watch) -> None:
        # From where the last one ended: what is deleted between the two is told, too.
        since = {"resource_version": stream.resource_version} if stream.resource_version else {}
        for event in stream.stream(
            self.core.list_namespaced_pod, self.namespace, label_selector=labels.SELECTOR, timeout_seconds=2, **since
        ):
            now = datetime.now(UTC)
            pod = mapping.seen(event["raw_object"], now)
            self.store.put(gone(pod, now) if event["type"] == "DELETED" else pod)
            self.store.mark_watched(self.namespace, now)
        self.store.mark_watched(self.namespace, datetime.now(UTC))

    def end(self) -> None:
        """Have it end soon."""
        self._ended.set()


@contextlib.contextmanager
def watching(core: client.CoreV1Api, namespace: str, store: MemoryPodStore) -> Iterator[None]:
    """While the block lasts, somebody watches."""
    watcher = Watcher(core, namespace, store)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    store.mark_watched(namespace, datetime.now(UTC))
    try:
        yield
    finally:
        watcher.end()
        thread.join()


def make_runner(
    cluster: Cluster,
    namespace: str,
    store: MemoryPodStore | None = None,
    *,
    helper: str = "",
    gpu: str = "nvidia.com/gpu",
    **patience: Any,
) -> ClusterRunner:
    """A runner as production makes it, but for its store. `gpu`: what the node's devices are called."""
    connection = connect(str(cluster.kubeconfig))
    connection.configuration.proxy = None
    api = ClusterApi(client.ApiClient(connection.configuration), namespace, TokenBucket(50, 100))
    settings = ClusterSettings(
        namespace=namespace, default_image=cluster.base_image, helper_image=helper, gpu_resource=gpu
    )
    return ClusterRunner(api, store or MemoryPodStore(), lambda: settings, patience=Patience(**patience))


def on_node(spec: LaunchSpec, **cluster: Any) -> LaunchSpec:
    """The launch with its outputs on a folder that this machine shares with the node."""
    for folder in (spec.outputs_path, spec.log_path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    _open_up(spec.outputs_path)
    outputs = Volume(name="outputs", mount_path=str(spec.outputs_path), host_path=str(spec.outputs_path))
    return replace(spec, cluster=ClusterSpec(outputs=outputs, **cluster))


def _open_up(folder: Path) -> None:
    """Pods are nobody special here."""
    folder.chmod(0o777)


def pod_log(core: client.CoreV1Api, namespace: str, run: str) -> list[str]:
    """Lines of all attempts' commands, in order, once no more come.

    The last ones reach the node's file a moment after the end is told, and until then it may lack the file.
    """
    deadline, before = time.monotonic() + PATIENCE_WITH_LOGS, None
    while True:
        lines = _pod_log_now(core, namespace, run)
        is_there = lines and not any(line.startswith("unable to retrieve container logs") for line in lines)
        if (is_there and lines == before) or time.monotonic() > deadline:
            return lines
        before = lines
        time.sleep(0.3)


def _pod_log_now(core: client.CoreV1Api, namespace: str, run: str) -> list[str]:
    found = core.list_namespaced_pod(namespace, label_selector=f"{labels.RUN}={run}").items
    lines: list[str] = []
    for pod in sorted(found, key=lambda each: int(each.metadata.labels[labels.ATTEMPT])):
        name = pod.metadata.annotations[labels.MAIN_CONTAINER]
        with contextlib.suppress(client.ApiException):  # it has not begun
            text = core.read_namespaced_pod_log(pod.metadata.name, namespace, container=name, _preload_content=False)
            lines += text.data.decode().splitlines()
    return lines


def untagged(line: str) -> str:
    """What rank 0 wrote as one line: `mpirun` puts its tag before each piece of a long one."""
    return line.replace("[1,0]<stdout>:", "")
