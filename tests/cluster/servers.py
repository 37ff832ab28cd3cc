"""The embedded server with runs that are pods."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from tests.cluster.helper import push_helper
from tests.embedded.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.cluster import Cluster


@contextlib.contextmanager
def cluster_server(cluster: Cluster, namespace: str, folder: Path, **environment: str) -> Iterator[Server]:
    """One whose runs are pods of `namespace`, with outputs in a folder that this machine and the node share."""
    (outputs := folder / "outputs").mkdir()
    outputs.chmod(0o777)  # pods may write to it
    host = cluster.plan.host
    stores = {"outputs": {"mountPath": "/outputs", "hostPath": str(outputs)}}
    given = {
        "POLYAXON_HOST": host,
        "POLYAXON_ALLOWED_HOSTS": json.dumps([host]),
        "POLYAXON_RUNNER_BACKEND": "kubernetes",
        "POLYAXON_K8S_NAMESPACE": namespace,
        "POLYAXON_K8S_KUBECONFIG": str(cluster.kubeconfig),
        "POLYAXON_K8S_DEFAULT_IMAGE": cluster.base_image,
        "POLYAXON_K8S_HELPER_IMAGE": push_helper(cluster.plan),
        "POLYAXON_K8S_IMAGE_PATIENCE": "3",
        "POLYAXON_PERSISTENCE_OUTPUTS": json.dumps(stores),
        "POLYAXON_OUTPUTS_ROOT": str(outputs),
        "NO_PROXY": f"{host},10.0.0.0/8,127.0.0.1",
    }
    running = Server(folder / "data", program=None, **(given | environment))
    running.url = f"http://{host}:{running.port}"
    try:
        yield running.start(patience=180)
    finally:
        running.close()
