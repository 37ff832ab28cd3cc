"""What a run asks of the machine or cluster, all of its replicas together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polyaxon_schemas.environment import Environment, Replicas, Resources

Amounts = dict[str, dict[str, float]]

_KINDS = ("cpu", "memory", "gpu", "tpu")
_BOUNDS = ("requests", "limits")


def amounts(resources: Resources | None) -> Amounts | None:
    """``{"cpu": {"requests": 1.0, "limits": 2.0}, ...}`` with the keys that are set; None without any.

    CPU in cores, memory in MiB, GPUs and TPUs in devices.
    """
    if resources is None:
        return None
    given = resources.model_dump(exclude_none=True)
    return {kind: bounds for kind, bounds in given.items() if bounds} or None


def total(environment: Environment | None) -> Amounts | None:
    """The sum over the first replica and all others. A bound that a replica leaves out adds nothing."""
    if environment is None:
        return None
    found: Amounts = {}
    for resources in (environment.resources, *_of_replicas(getattr(environment, "replicas", None))):
        _add(found, amounts(resources) or {})
    ordered = {kind: found[kind] for kind in _KINDS if kind in found}
    return ordered or None


def _add(found: Amounts, more: Amounts) -> None:
    for kind, bounds in more.items():
        for bound in _BOUNDS:
            if bound in bounds:
                sums = found.setdefault(kind, {})
                sums[bound] = sums.get(bound, 0.0) + bounds[bound]


def _of_replicas(replicas: Replicas | None) -> Iterator[Resources | None]:
    if replicas is None:
        return
    for count, default, own in (
        (replicas.n_workers, replicas.default_worker, replicas.worker),
        (replicas.n_ps, replicas.default_ps, replicas.ps),
    ):
        named: dict[int, Any] = {each.index: each for each in own or []}
        for index in range(count or 0):
            environment = named.get(index, default)
            yield environment.resources if environment else None
