"""What is created for an attempt: pure functions from a launch to plain objects, that no client library has touched.

The first object is the anchor. It owns all others, so that nothing is left when it goes, and its being there says
that the attempt has begun to be launched.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from scheduler.runners.kubernetes.manifests import builds, commands, containers, kubeflow, names, pods, services
from scheduler.runners.kubernetes.spec import Backend, Kind

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings

Object = dict[str, Any]

ANCHOR = "Secret"  # kind of the anchor
# Annotations of the anchor.
RESOURCE = "polyaxon.com/resource"  # kind of the custom resource that stands for the pods
STOP = "polyaxon.com/stop"  # why the attempt was asked to end; a label as well, by which such anchors are found


def objects(launch: LaunchSpec, settings: ClusterSettings) -> list[Object]:
    """Everything of an attempt, in the order of its creation: anchor, files, secrets, services, then what runs.

    Raises `LaunchRefused` for what no cluster could run.
    """
    runs = _runs(launch, settings)
    first = anchor(launch, settings)
    if runs[-1]["kind"] in kubeflow.KINDS:
        first["metadata"]["annotations"] = {RESOURCE: runs[-1]["kind"]}
    return [first, *_files(launch, settings), *_secrets(launch, settings), *runs]


def anchor(launch: LaunchSpec, settings: ClusterSettings) -> Object:
    """The secret that owns the attempt's objects. It holds the run's environment: most runs need nothing else."""
    return _secret(launch, settings, containers.secret_name(launch), dict(launch.env))


def _files(launch: LaunchSpec, settings: ClusterSettings) -> list[Object]:
    """The config map with the files that pods read, if there are any."""
    data = dict(builds.files(launch))
    if commands.needs_ssh(launch):
        who = pods.security(settings, names.cluster(launch).replicas[0].place)
        data |= commands.ssh_files(launch) | {"passwd": commands.passwd(who["runAsUser"], who["runAsGroup"])}
    meta = names.metadata(launch, names.anchor(launch.run, launch.attempt), settings)
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}] if data else []


def owned(found: Object, owner: str, uid: str) -> Object:
    """The same object, deleted with the anchor of that name and uid."""
    reference = {"apiVersion": "v1", "kind": ANCHOR, "name": owner, "uid": uid}
    return {**found, "metadata": {**found["metadata"], "ownerReferences": [reference]}}


def _secrets(launch: LaunchSpec, settings: ClusterSettings) -> list[Object]:
    spec = names.cluster(launch)
    found = []
    if spec.code is not None:
        found.append(_secret(launch, settings, containers.init_secret_name(launch), {"code-token": spec.code.token}))
    if spec.ssh is not None and commands.needs_ssh(launch):
        keys = {"id_rsa": spec.ssh.private, "authorized_keys": spec.ssh.public}
        found.append(_secret(launch, settings, f"{names.base_of(launch)}-ssh", keys))
    return found


def _secret(launch: LaunchSpec, settings: ClusterSettings, name: str, values: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": names.metadata(launch, name, settings),
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def _runs(launch: LaunchSpec, settings: ClusterSettings) -> list[Object]:
    spec = names.cluster(launch)
    if spec.kind is Kind.BUILD:
        return [builds.build_pod(launch, settings)]
    if spec.kind in names.SERVICES:
        return _plugin(launch, settings)
    if spec.backend is not Backend.NATIVE and spec.kind is Kind.EXPERIMENT:
        return [kubeflow.custom_resource(launch, settings)]
    service = [services.headless(launch, settings)] if spec.is_distributed else []
    # The first replica comes last: once it is there, so are all the others.
    return [*service, *(pods.pod(launch, settings, replica) for replica in reversed(spec.replicas))]


def _plugin(launch: LaunchSpec, settings: ClusterSettings) -> list[Object]:
    pod = pods.pod(launch, settings, names.cluster(launch).replicas[0])
    services.serve(launch, pod["spec"]["containers"][0])
    return [services.plugin(launch, settings), pod]
