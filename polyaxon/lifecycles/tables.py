"""One transition table per kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CREATED = "created"
RESUMING = "resuming"
WARNING = "warning"
UNSCHEDULABLE = "unschedulable"
BUILDING = "building"
SCHEDULED = "scheduled"
STARTING = "starting"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
UPSTREAM_FAILED = "upstream_failed"
STOPPING = "stopping"
STOPPED = "stopped"
SKIPPED = "skipped"
DONE = "done"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Statuses of one kind. `transitions` maps a target to the statuses it may follow."""

    values: frozenset[str]
    pending: frozenset[str]
    running: frozenset[str]
    warning: frozenset[str]
    done: frozenset[str]
    starts: frozenset[str]
    transitions: Mapping[str, frozenset[str]] = field(repr=False)
    # What a person may open again. No transition: events, however late, never do.
    reopens: frozenset[str] = frozenset()

    @property
    def failed(self) -> frozenset[str]:
        return frozenset({FAILED, UPSTREAM_FAILED})

    @property
    def open(self) -> frozenset[str]:
        return self.values - self.done

    @property
    def stoppable(self) -> frozenset[str]:
        return self.running | self.warning | {UNKNOWN}

    def can_move(self, source: str, target: str) -> bool:
        """Whether `target` may follow `source`."""
        return source in self.transitions.get(target, frozenset())


_ENDS = frozenset({FAILED, UPSTREAM_FAILED, STOPPED, SKIPPED})
_WAITING = {CREATED, RESUMING}

_EXPERIMENT_VALUES = frozenset({*_WAITING, WARNING, BUILDING, SCHEDULED, STARTING, RUNNING, SUCCEEDED, *_ENDS, UNKNOWN})
_EXPERIMENT_DONE = _ENDS | {SUCCEEDED}
_EXPERIMENT_OPEN = _EXPERIMENT_VALUES - _EXPERIMENT_DONE

EXPERIMENT = Lifecycle(
    values=_EXPERIMENT_VALUES,
    pending=frozenset(_WAITING),
    running=frozenset({SCHEDULED, BUILDING, STARTING, RUNNING}),
    warning=frozenset({WARNING}),
    done=_EXPERIMENT_DONE,
    starts=frozenset({STARTING, RUNNING}),
    transitions={
        RESUMING: frozenset({CREATED, WARNING}),
        BUILDING: frozenset({*_WAITING, WARNING, UNKNOWN}),
        SCHEDULED: frozenset({*_WAITING, BUILDING, WARNING, UNKNOWN}),
        STARTING: frozenset({*_WAITING, BUILDING, SCHEDULED, WARNING}),
        RUNNING: frozenset({*_WAITING, BUILDING, SCHEDULED, STARTING, WARNING, UNKNOWN}),
        WARNING: _EXPERIMENT_OPEN - {WARNING},
        UNKNOWN: _EXPERIMENT_OPEN - {UNKNOWN},
        **dict.fromkeys(_EXPERIMENT_DONE, _EXPERIMENT_OPEN),
    },
)

_JOB_VALUES = frozenset({*_WAITING, BUILDING, UNSCHEDULABLE, WARNING, SCHEDULED, RUNNING, SUCCEEDED, *_ENDS, UNKNOWN})
_JOB_DONE = _ENDS | {SUCCEEDED}
_JOB_OPEN = _JOB_VALUES - _JOB_DONE

JOB = Lifecycle(
    values=_JOB_VALUES,
    pending=frozenset(_WAITING),
    running=frozenset({SCHEDULED, BUILDING, RUNNING}),
    warning=frozenset({UNSCHEDULABLE, WARNING}),
    done=_JOB_DONE,
    starts=frozenset({BUILDING, SCHEDULED, RUNNING}),
    transitions={
        RESUMING: frozenset({CREATED, WARNING}),
        BUILDING: frozenset({*_WAITING, SCHEDULED, UNSCHEDULABLE, UNKNOWN, WARNING}),
        SCHEDULED: frozenset({*_WAITING, BUILDING, UNSCHEDULABLE, UNKNOWN, WARNING}),
        RUNNING: frozenset({*_WAITING, SCHEDULED, BUILDING, UNSCHEDULABLE, UNKNOWN, WARNING}),
        UNSCHEDULABLE: _JOB_OPEN - {UNSCHEDULABLE},
        WARNING: _JOB_OPEN - {WARNING},
        UNKNOWN: _JOB_OPEN - {UNKNOWN},
        **dict.fromkeys(_JOB_DONE, _JOB_OPEN),
    },
)

_GROUP_VALUES = frozenset({*_WAITING, RUNNING, WARNING, DONE, *_ENDS, STOPPING, UNKNOWN})
_GROUP_DONE = _ENDS | {DONE}
_GROUP_OPEN = _GROUP_VALUES - _GROUP_DONE

GROUP = Lifecycle(
    values=_GROUP_VALUES,
    pending=frozenset(_WAITING),
    running=frozenset({RUNNING, STOPPING}),
    warning=frozenset({WARNING}),
    done=_GROUP_DONE,
    reopens=frozenset({STOPPED, FAILED, DONE}),
    starts=frozenset({RUNNING}),
    transitions={
        RESUMING: frozenset({CREATED, WARNING}),
        RUNNING: frozenset({*_WAITING, WARNING}),
        STOPPING: _GROUP_OPEN - {STOPPING},
        WARNING: _GROUP_OPEN - {WARNING},
        UNKNOWN: _GROUP_OPEN - {UNKNOWN},
        **dict.fromkeys(_GROUP_DONE, _GROUP_OPEN),
    },
)
