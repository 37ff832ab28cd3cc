"""Pods and pod templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon.pods import labels
from scheduler.runners.kubernetes.manifests import commands, containers, names, volumes
from scheduler.runners.kubernetes.spec import Bucket, Kind

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings, Placement, Replica

# Seconds that a pod may take beyond the run's own time: pulling images, fetching code. The scheduler ends an overdue
# run by its own clock, which starts with the command; this is for the case that there is no scheduler any more.
START_ROOM = 3600


def pod(launch: LaunchSpec, settings: ClusterSettings, replica: Replica) -> dict[str, Any]:
    """The pod of one replica."""
    spec = names.cluster(launch)
    name = names.pod(launch, replica)
    made = template(launch, settings, replica, replica.index)
    made["metadata"] |= {"name": name, "namespace": settings.namespace}
    if spec.is_distributed:
        made["spec"] |= {"hostname": name, "subdomain": names.base_of(launch)}
    return {"apiVersion": "v1", "kind": "Pod", **made}


def template(launch: LaunchSpec, settings: ClusterSettings, replica: Replica, index: int | None) -> dict[str, Any]:
    """Metadata and spec of pods like this one; `index` is None when it stands for several."""
    place = replica.place
    named = dict(place.labels) | names.labels(launch, settings, replica.role, index)
    annotations = dict(place.annotations) | {
        labels.MAIN_CONTAINER: names.main_container(names.cluster(launch).kind),
    }
    if place.resources.get("tpu"):
        annotations["tf-version.cloud-tpus.google.com"] = settings.tpu_tensorflow
    return {"metadata": {"labels": named, "annotations": annotations}, "spec": _spec(launch, settings, replica)}


def _spec(launch: LaunchSpec, settings: ClusterSettings, replica: Replica) -> dict[str, Any]:
    spec, found = names.cluster(launch), volumes.Volumes(launch)
    if commands.needs_ssh(launch):
        _add_ssh(launch, found)
    init = [containers.init(launch, settings, found.init)] if containers.needs_init(launch) else []
    sidecar = containers.sidecar(launch, settings)
    made: dict[str, Any] = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        # A run that asks for an account of its own wants to act as it.
        "automountServiceAccountToken": replica.place.service_account is not None,
        "terminationGracePeriodSeconds": grace(launch, settings),
        "securityContext": security(settings, replica.place),
        "initContainers": [*init, *([sidecar] if sidecar else [])],
        "containers": [containers.main(launch, settings, replica, found.main)],
        "volumes": found.volumes,
    }
    if not made["initContainers"]:
        del made["initContainers"]
    if spec.timeout is not None:
        made["activeDeadlineSeconds"] = spec.timeout + START_ROOM
    return made | placement(replica.place, settings, spec.kind)


def grace(launch: LaunchSpec, settings: ClusterSettings) -> int:
    """Seconds between SIGTERM and SIGKILL. What copies outputs after the end gets time for that, too."""
    uploads = isinstance(names.cluster(launch).outputs, Bucket)
    return max(settings.grace, settings.upload_grace) if uploads else settings.grace


def _add_ssh(launch: LaunchSpec, found: volumes.Volumes) -> None:
    """Keys, and what ssh reads. Not with an operator, which brings its keys itself."""
    files = {"name": "launch", "configMap": {"name": names.anchor(launch.run, launch.attempt)}}
    found.add(files, volumes.mount("launch", commands.LAUNCH_PATH, readOnly=True))
    found.main.append(volumes.mount("launch", "/etc/passwd", subPath="passwd", readOnly=True))
    if names.cluster(launch).ssh is not None:
        keys = {"name": "ssh", "secret": {"secretName": f"{names.base_of(launch)}-ssh"}}
        found.add(keys, volumes.mount("ssh", commands.SSH_PATH, readOnly=True))


def security(settings: ClusterSettings, place: Placement) -> dict[str, Any]:
    """The pod's security context: nobody special, unless the run's file says otherwise."""
    default = {
        "runAsNonRoot": True,
        "runAsUser": settings.user,
        "runAsGroup": settings.group,
        "fsGroup": settings.group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    own = dict(place.security_context or {})
    if own.get("runAsUser") == 0:
        default["runAsNonRoot"] = False
    return default | own


def placement(place: Placement, settings: ClusterSettings, kind: Kind) -> dict[str, Any]:
    """Where the pod may run, and as whom."""
    account = place.service_account or settings.service_accounts.get(kind.value)
    found: dict[str, Any] = {
        "nodeSelector": dict(place.node_selector or {}),
        "affinity": dict(place.affinity or {}),
        "tolerations": [dict(each) for each in place.tolerations],
        "serviceAccountName": account,
        "imagePullSecrets": [{"name": name} for name in place.image_pull_secrets],
    }
    return {key: value for key, value in found.items() if value}
