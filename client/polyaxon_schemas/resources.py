"""What a run asks of the machine or cluster, all of its replicas together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyaxon_schemas.replicas import replicas_of

if TYPE_CHECKING:
    from polyaxon_schemas.environment import Environment
    from polyaxon_schemas.quantities import Resources

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
    for replica in replicas_of(environment, None, None):
        _add(found, amounts(replica.environment.resources if replica.environment else None) or {})
    ordered = {kind: found[kind] for kind in _KINDS if kind in found}
    return ordered or None


def _add(found: Amounts, more: Amounts) -> None:
    for kind, bounds in more.items():
        for bound in _BOUNDS:
            if bound in bounds:
                sums = found.setdefault(kind, {})
                sums[bound] = sums.get(bound, 0.0) + bounds[bound]
