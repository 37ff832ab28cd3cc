"""What is known of a pod, and how what is seen later adds to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class PodPhase(StrEnum):
    """Where a pod stands. The later ones are final."""

    WAITING = "waiting"  # for a node
    STARTING = "starting"  # on a node: images, volumes, init containers
    RUNNING = "running"
    EXITED = "exited"  # the run's command has ended
    LOST = "lost"  # the platform ended it: evicted, preempted, its node gone, deleted by somebody

    @property
    def is_final(self) -> bool:
        return self in {PodPhase.EXITED, PodPhase.LOST}


class Trouble(StrEnum):
    """Why a pod does not go on, by who can mend it."""

    SCHEDULING = "scheduling"  # no node has room
    IMAGE = "image"  # cannot be pulled
    CONFIG = "config"  # what it refers to is not there
    FATAL = "fatal"  # will never pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod:
    """One pod at one moment. Times are aware, in UTC."""

    name: str
    uid: str
    run: str  # 32 hex digits; empty for a pod without our labels
    attempt: int
    kind: str
    role: str
    index: int
    phase: PodPhase
    trouble: Trouble | None = None
    trouble_since: datetime | None = None
    reason: str | None = None  # Kubernetes' word for it
    message: str | None = None  # in words a person understands
    exit_code: int | None = None
    signal: int | None = None  # instead of the exit code, if it says that a signal ended the command
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None  # of the run's command
    finished_at: datetime | None = None
    node: str | None = None
    container_id: str | None = None
    deleting_until: datetime | None = None  # it is being deleted, and should be gone by then
    is_ready: bool = False  # what it serves, if it serves anything, answers
    is_over: bool = False  # nothing of it runs any more
    is_gone: bool = False  # no longer there
    seen_at: datetime | None = None


def merge(old: SeenPod, new: SeenPod) -> SeenPod:
    """What is known after `new` was seen as well. Nothing goes backwards, in whatever order things are seen.

    A pod that has ended stays as it ended, one that is gone stays gone, and what was known once is not forgotten.
    """
    if old.uid != new.uid:
        raise ValueError(f"pod {old.name}: what is seen is another pod")
    ahead, behind = (old, new) if _rank(old) >= _rank(new) else (new, old)
    known = {
        name: getattr(behind, name)
        for name in ("created_at", "scheduled_at", "started_at", "node", "container_id")
        if getattr(ahead, name) is None
    }
    return replace(
        ahead,
        **known,
        trouble_since=_since(old, new) if ahead.trouble else None,
        deleting_until=old.deleting_until or new.deleting_until,
        is_over=old.is_over or new.is_over,
        is_gone=old.is_gone or new.is_gone,
        seen_at=_latest(old.seen_at, new.seen_at),
    )


_ORDER = {phase: number for number, phase in enumerate(PodPhase)}


def _rank(pod: SeenPod) -> tuple[int, float]:
    """Of two that ended, whichever was told first counts; of others, whichever was seen last."""
    if pod.phase.is_final:
        return (len(_ORDER), -_seconds(pod.seen_at))
    # A pod never goes from running back to waiting, whatever is seen late.
    return (_ORDER[pod.phase], _seconds(pod.seen_at))


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _since(old: SeenPod, new: SeenPod) -> datetime | None:
    if old.trouble is not new.trouble:
        return new.trouble_since
    moments = [moment for moment in (old.trouble_since, new.trouble_since) if moment]
    return min(moments) if moments else None


def _latest(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment]
    return max(known) if known else None


def gone(pod: SeenPod, at: datetime) -> SeenPod:
    """The pod after it was deleted. One that had not ended by then is lost."""
    if pod.phase.is_final:
        return replace(pod, is_over=True, is_gone=True, seen_at=at)
    return replace(
        pod,
        phase=PodPhase.LOST,
        is_over=True,
        is_gone=True,
        reason="Deleted",
        message="its pod was deleted before it ended",
        finished_at=pod.finished_at or at,
        trouble=None,
        trouble_since=None,
        seen_at=at,
    )
