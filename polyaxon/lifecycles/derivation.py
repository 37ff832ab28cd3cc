"""The status of an experiment, derived from its replicas."""

from __future__ import annotations

from collections.abc import Sequence

from polyaxon.lifecycles.tables import (
    BUILDING,
    CREATED,
    FAILED,
    JOB,
    RUNNING,
    SCHEDULED,
    STARTING,
    STOPPED,
    SUCCEEDED,
    UNKNOWN,
    UNSCHEDULABLE,
    WARNING,
)

# First match wins. `succeeded` needs all of them and is looked at in its place.
_PRECEDENCE: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({UNKNOWN}), UNKNOWN),
    (frozenset({UNSCHEDULABLE, WARNING}), WARNING),
    (frozenset({STOPPED}), STOPPED),
    (frozenset({FAILED}), FAILED),
    (frozenset({CREATED, BUILDING}), STARTING),
    (frozenset({SCHEDULED, RUNNING}), RUNNING),
)


def experiment_status(replicas: Sequence[str]) -> str | None:
    """Status of an experiment whose replicas, master first, have these statuses. None: leave it as it is."""
    if not replicas:
        return None
    master = replicas[0]
    if master in JOB.done:
        return master
    present = set(replicas)
    if present == {SUCCEEDED}:
        return SUCCEEDED
    for statuses, result in _PRECEDENCE:
        if present & statuses:
            return result
    return UNKNOWN
