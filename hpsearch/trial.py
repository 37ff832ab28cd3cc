"""What a search knows of its trials, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class TrialState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_done(self) -> bool:
        return self in {TrialState.SUCCEEDED, TrialState.FAILED, TrialState.STOPPED}


@dataclass(frozen=True)
class Trial:
    """A suggestion that was taken up.

    ``params`` may hold more than the space's parameters; ``metrics`` are last values by name, any of
    which may be missing or NaN.
    """

    index: int
    params: Mapping[str, Any]
    state: TrialState
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Suggestion:
    """A point to try. ``index`` counts from 0 within the group and always names the same point."""

    index: int
    params: dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """``finished``: no further suggestion will come once the given trials are done."""

    suggestions: tuple[Suggestion, ...]
    finished: bool
    reason: str
