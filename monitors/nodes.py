"""Nodes of a Kubernetes cluster as they describe themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from polyaxon.actions.cluster import FoundNode
from polyaxon.db.models import ClusterNode
from polyaxon.pods.reading import items, part, text

_UNITS = {
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
}
_CONTROL = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_KEEPS_OUT = frozenset({"NoSchedule", "NoExecute"})


def amount(quantity: Any) -> Decimal:
    """A quantity of the API, such as `100m` or `16Gi`; 0 for what is none."""
    told = str(quantity if quantity is not None else "")
    unit = next((unit for unit in _UNITS if told.endswith(unit)), "")
    try:
        return Decimal(told.removesuffix(unit) or "0") * _UNITS.get(unit, Decimal(1))
    except InvalidOperation:
        return Decimal(0)


def described(node: Mapping[str, Any], gpu_resource: str) -> FoundNode:
    """What `node` (JSON of the API) says of itself: its whole capacity, not what is free of it."""
    meta, spec, status = part(node, "metadata"), part(node, "spec"), part(node, "status")
    capacity, info = part(status, "capacity"), part(status, "nodeInfo")
    addresses = {each.get("type"): text(each, "address") for each in items(status, "addresses")}
    return FoundNode(
        name=text(meta, "name") or "",
        hostname=addresses.get("Hostname"),
        role=ClusterNode.MASTER if any(label in part(meta, "labels") for label in _CONTROL) else ClusterNode.AGENT,
        memory=int(amount(capacity.get("memory"))),
        cpu=float(amount(capacity.get("cpu"))),
        n_gpus=int(amount(capacity.get(gpu_resource))),
        docker_version=(text(info, "containerRuntimeVersion") or "")[:128] or None,
        kubelet_version=(text(info, "kubeletVersion") or "")[:64],
        os_image=(text(info, "osImage") or "")[:128],
        kernel_version=(text(info, "kernelVersion") or "")[:128],
        schedulable_taints=not any(each.get("effect") in _KEEPS_OUT for each in items(spec, "taints")),
        schedulable_state=not spec.get("unschedulable"),
        status=_status(status),
    )


def _status(status: Mapping[str, Any]) -> str:
    ready = next((each for each in items(status, "conditions") if each.get("type") == "Ready"), {})
    known = {"True": ClusterNode.READY, "False": ClusterNode.NOT_READY}
    return known.get(text(ready, "status") or "", ClusterNode.UNKNOWN)
