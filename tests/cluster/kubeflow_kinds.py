"""The custom resources of Kubeflow and MPI as their projects publish them: definitions, without operators."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from kubernetes import client

from tests.cluster import golang, places
from tests.cluster.api import wait_for
from tests.cluster.commands import run_long

if TYPE_CHECKING:
    from collections.abc import Iterator

# Go module, and the file in it.
DEFINITIONS = (
    ("github.com/kubeflow/training-operator@v1.9.2", "manifests/base/crds/kubeflow.org_tfjobs.yaml"),
    ("github.com/kubeflow/training-operator@v1.9.2", "manifests/base/crds/kubeflow.org_pytorchjobs.yaml"),
    ("github.com/kubeflow/mpi-operator@v0.6.0", "manifests/base/kubeflow.org_mpijobs.yaml"),
    ("github.com/kubeflow/trainer/v2@v2.1.0", "manifests/base/crds/trainer.kubeflow.org_trainjobs.yaml"),
)


def definitions() -> list[dict[str, Any]]:
    """Of all of them; the modules are fetched once, and their files kept."""
    key = hashlib.sha256(repr(DEFINITIONS).encode()).hexdigest()[:12]
    folder = places.cache() / f"kubeflow-{key}"
    with places.locked("kubeflow"):
        if not folder.is_dir():
            with places.made_at_once(folder) as target:
                for module in sorted({module for module, _ in DEFINITIONS}):
                    _fetch(module, target)
    return [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]


def _fetch(module: str, target: Path) -> None:
    log = target / "download.json"
    command = [str(golang.compiler()), "mod", "download", "-json", module]
    run_long(f"fetching {module}", command, log, env=golang.environment())
    place = Path(json.loads(log.read_text())["Dir"])
    log.unlink()
    for source, file in DEFINITIONS:
        if source == module:
            shutil.copyfile(place / file, target / Path(file).name)


@contextmanager
def defined(api: client.ApiClient) -> Iterator[None]:
    """While the block lasts, the API server knows the custom resources."""
    extensions = client.ApiextensionsV1Api(api)
    names = []
    try:
        for each in definitions():
            found = {key: value for key, value in each.items() if key != "status"}
            extensions.create_custom_resource_definition(found)
            names.append(str(found["metadata"]["name"]))
        for name in names:
            wait_for(name, partial(_established, extensions, name))
        yield
    finally:
        for name in names:
            extensions.delete_custom_resource_definition(name)


def _established(extensions: client.ApiextensionsV1Api, name: str) -> bool | None:
    conditions = extensions.read_custom_resource_definition(name).status.conditions or []
    return any(each.type == "Established" and each.status == "True" for each in conditions) or None
