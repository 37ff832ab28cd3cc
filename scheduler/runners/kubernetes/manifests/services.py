"""Services: how replicas find each other, and how people reach notebooks and tensorboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon.pods.labels import ATTEMPT, RUN
from scheduler.runners.kubernetes.manifests import commands, names

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings

DEFAULT_PORT = 8888


def _selector(launch: LaunchSpec) -> dict[str, str]:
    return {RUN: launch.run, ATTEMPT: str(launch.attempt)}


def headless(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    """Gives each replica a name. Also before it is ready, since each waits for the others."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(launch, names.base_of(launch), settings),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": _selector(launch),
            "ports": [{"name": "replicas", "port": commands.PORT}],
        },
    }


def plugin(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    """What the platform's proxy forwards to. It reaches ready pods only."""
    port = names.cluster(launch).port or DEFAULT_PORT
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(launch, names.base_of(launch), settings),
        "spec": {
            "type": "ClusterIP",
            "selector": _selector(launch),
            "ports": [{"name": "http", "port": port, "targetPort": port}],
        },
    }


def serve(launch: LaunchSpec, container: dict[str, Any]) -> None:
    """Have the container's port known, and traffic wait until it answers."""
    spec = names.cluster(launch)
    port = spec.port or DEFAULT_PORT
    container["ports"] = [{"containerPort": port, "name": "http"}]
    container["readinessProbe"] = {
        "httpGet": {"path": spec.ready_path, "port": port},
        "periodSeconds": 2,
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    }
