"""Processors, memory and devices in Kubernetes' notation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scheduler.runners.kubernetes.spec import ClusterSettings

# What the platform's own containers take.
HELPER = {"requests": {"cpu": "100m", "memory": "60Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}


def resources(amounts: Mapping[str, Mapping[str, float]], settings: ClusterSettings) -> dict[str, dict[str, str]]:
    """`{"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"nvidia.com/gpu": "1"}}`; empty without any.

    `amounts` are in cores, MiB and devices. Devices cannot be shared: their request is their limit.
    """
    found: dict[str, dict[str, str]] = {}
    for bound in ("requests", "limits"):
        named = {
            "cpu": _cores(amounts.get("cpu", {}).get(bound)),
            "memory": _mebibytes(amounts.get("memory", {}).get(bound)),
        }
        if values := {key: value for key, value in named.items() if value is not None}:
            found[bound] = values
    for kind, resource in (("gpu", settings.gpu_resource), ("tpu", settings.tpu_resource)):
        bounds = amounts.get(kind, {})
        if count := int(bounds.get("limits", bounds.get("requests", 0))):
            found.setdefault("limits", {})[resource] = str(count)
    return found


def _cores(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value == int(value) else f"{max(round(value * 1000), 1)}m"


def _mebibytes(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{int(value)}Mi" if value == int(value) else f"{max(round(value * 1024), 1)}Ki"
