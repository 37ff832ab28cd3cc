"""How a search sees the statuses of its trials."""

from __future__ import annotations

from hpsearch import TrialState
from polyaxon.lifecycles import tables as s

_STATES = {
    s.SUCCEEDED: TrialState.SUCCEEDED,
    s.FAILED: TrialState.FAILED,
    s.UPSTREAM_FAILED: TrialState.FAILED,
    s.STOPPED: TrialState.STOPPED,
    s.SKIPPED: TrialState.STOPPED,
    s.CREATED: TrialState.PENDING,
    s.RESUMING: TrialState.PENDING,
}


def state_of(status: str) -> TrialState:
    """What is neither waiting nor done runs, or is about to."""
    return _STATES.get(status, TrialState.RUNNING)
