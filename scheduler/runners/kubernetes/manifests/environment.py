"""Environment variables as containers take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scheduler.runners.kubernetes.spec import Reference


def literal(text: str) -> str:
    """Text that reaches the process as it is: Kubernetes replaces `$(NAME)` in commands and values."""
    return text.replace("$", "$$")


def variables(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Plain values."""
    return [{"name": name, "value": literal(value)} for name, value in values.items()]


def pod_facts() -> list[dict[str, Any]]:
    """What a pod knows of itself."""
    fields = {
        "POLYAXON_K8S_NAMESPACE": "metadata.namespace",
        "POLYAXON_K8S_NODE_NAME": "spec.nodeName",
        "POLYAXON_POD_ID": "metadata.name",
    }
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]


def from_key(name: str, secret: str, key: str) -> dict[str, Any]:
    """One key of a secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def whole(secrets: Iterable[Reference], config_maps: Iterable[Reference]) -> list[dict[str, Any]]:
    """`envFrom` of the references that name no keys."""
    return [
        *({"secretRef": {"name": each.name}} for each in secrets if not each.items),
        *({"configMapRef": {"name": each.name}} for each in config_maps if not each.items),
    ]


def keyed(secrets: Iterable[Reference], config_maps: Iterable[Reference]) -> list[dict[str, Any]]:
    """`env` of the references that name keys, each a variable of its name."""
    return [
        *(_key(each, key, "secretKeyRef") for each in secrets for key in each.items),
        *(_key(each, key, "configMapKeyRef") for each in config_maps for key in each.items),
    ]


def _key(reference: Reference, key: str, kind: str) -> dict[str, Any]:
    return {"name": key, "valueFrom": {kind: {"name": reference.name, "key": key}}}
