"""What a search knows of its trials, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class TrialState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_done(self) -> bool:
        return self in {TrialState.SUCCEEDED, TrialState.FAILED, TrialState.STOPPED}


class Strategy(StrEnum):
    """What a trial that has a parent begins with."""

    RESTART = "restart"  # nothing: only its params come from the parent
    RESUME = "resume"  # the parent's outputs, in which it goes on
    COPY = "copy"  # a copy of the parent's outputs


@dataclass(frozen=True)
class Stage:
    """Where a trial stands in a search that proceeds by stages.

    Hyperband and ASHA have brackets and rungs; evolutionary algorithms count generations as rungs of bracket 0.
    """

    bracket: int = 0
    rung: int = 0


@dataclass(frozen=True)
class Trial:
    """A suggestion that was taken up, or (``index`` None) a run that a person added to the search.

    ``params`` may hold more than the space's parameters; ``metrics`` are last values by name, any of
    which may be missing or NaN. ``stage``, ``parent`` and ``numbers`` are those of the suggestion.
    """

    index: int | None
    params: Mapping[str, Any]
    state: TrialState
    metrics: Mapping[str, float] = field(default_factory=dict)
    stage: Stage = Stage()
    parent: int | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suggestion:
    """A point to try. ``index`` counts from 0 within the group and always names the same point.

    ``parent`` is the index of the trial that this one goes on from, in the way of ``strategy``. ``reason`` is one line
    for people, ``numbers`` (plain JSON) are what the decision rests on; an algorithm finds them again in the trial.
    """

    index: int
    params: dict[str, Any]
    stage: Stage = Stage()
    parent: int | None = None
    strategy: Strategy | None = None
    reason: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """``finished``: no further suggestion will come once the given trials are done."""

    suggestions: tuple[Suggestion, ...]
    finished: bool
    reason: str
