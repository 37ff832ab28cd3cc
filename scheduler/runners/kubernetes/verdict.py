"""From what was seen of an attempt's pods to where the attempt stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from polyaxon.pods import PodPhase, SeenPod, Trouble
from scheduler.runners.base import Observation, Phase, StopReason
from scheduler.runners.local.reasons import of_stop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# Whose end is the attempt's. Of a TrainJob all pods are nodes, and the first one stands for all.
_LEADS = ("launcher", "master", "node")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long trouble may last until it counts as failure. No node having room may last for ever."""

    image: timedelta = timedelta(minutes=5)
    config: timedelta = timedelta(minutes=5)
    node: timedelta = timedelta(minutes=1)
    """After the time by which a pod should be gone: then its node does not answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where the attempt stands, which of its pods nobody needs any more, and which have been given up."""

    observation: Observation
    leftovers: tuple[SeenPod, ...] = ()
    given_up: tuple[SeenPod, ...] = ()


def lead_of(pods: Sequence[SeenPod]) -> SeenPod | None:
    """The pod that decides; None while it has not been made."""
    found = [pod for role in _LEADS for pod in pods if pod.role == role and pod.index == 0]
    return found[0] if found else None


def verdict(pods: Sequence[SeenPod], stop: StopReason | None, now: datetime, patience: Patience) -> Verdict:
    """`pods`: all of one attempt, the lead among them. `stop`: why it was asked to end, if it was."""
    judged = [_judged(pod, now, patience) for pod in pods]
    given_up = tuple(new for old, new in zip(pods, judged, strict=True) if old != new)
    living = tuple(pod for pod in judged if not pod.is_over)
    lead = lead_of(judged) or judged[0]
    if stop is not None:
        return Verdict(_going(lead) if living else _stopped(lead, stop), living, given_up)
    decisive = lead if lead.phase.is_final else next(filter(_failed, judged), None)
    if decisive is None:
        return Verdict(_going(lead, judged))
    if decisive.phase is PodPhase.EXITED:
        return Verdict(_exited(lead, decisive), living, given_up)
    if living:
        message = f"{_named(lead, decisive)}; what is left of it is being ended"
        return Verdict(replace(_going(lead), message=message), living, given_up)
    return Verdict(_lost(lead, decisive), (), given_up)


def _judged(pod: SeenPod, now: datetime, patience: Patience) -> SeenPod:
    """What waits too long has failed."""
    if pod.phase.is_final:
        return pod
    if pod.deleting_until is not None and now > pod.deleting_until + patience.node:
        message = "its node does not answer, and it is given up"
        given_up = replace(pod, phase=PodPhase.LOST, reason="NodeLost", message=message, is_over=True)
        return replace(given_up, finished_at=pod.deleting_until)
    if pod.trouble is None or pod.trouble is Trouble.SCHEDULING or pod.deleting_until is not None:
        return pod
    limits = {Trouble.IMAGE: patience.image, Trouble.CONFIG: patience.config, Trouble.FATAL: timedelta(0)}
    if now - (pod.trouble_since or now) < limits[pod.trouble]:
        return pod
    return replace(pod, phase=PodPhase.EXITED)


def _failed(pod: SeenPod) -> bool:
    return pod.phase is PodPhase.LOST or (pod.phase is PodPhase.EXITED and pod.exit_code != 0)


def _going(lead: SeenPod, pods: Sequence[SeenPod] = ()) -> Observation:
    if lead.phase in {PodPhase.RUNNING, PodPhase.EXITED} or lead.started_at is not None:
        return Observation(Phase.RUNNING, started_at=lead.started_at, message=lead.message, is_ready=lead.is_ready)
    troubled = next((pod for pod in (lead, *pods) if pod.trouble), None)
    return Observation(Phase.STARTING, message=_named(lead, troubled) if troubled else None)


def _named(lead: SeenPod, pod: SeenPod) -> str | None:
    """A message of another replica says whose it is."""
    return pod.message if pod.uid == lead.uid or pod.message is None else f"{pod.role} {pod.index}: {pod.message}"


def _exited(lead: SeenPod, decisive: SeenPod) -> Observation:
    return Observation(
        Phase.EXITED,
        started_at=lead.started_at,
        finished_at=decisive.finished_at,
        exit_code=decisive.exit_code,
        signal=decisive.signal,
        message=_named(lead, decisive),
    )


def _lost(lead: SeenPod, decisive: SeenPod) -> Observation:
    return Observation(
        Phase.LOST, started_at=lead.started_at, finished_at=decisive.finished_at, message=_named(lead, decisive)
    )


def _stopped(lead: SeenPod, stop: StopReason) -> Observation:
    began = lead.started_at is not None
    return Observation(
        Phase.EXITED,
        started_at=lead.started_at,
        finished_at=lead.finished_at,
        exit_code=lead.exit_code if began else None,
        signal=lead.signal if began else None,
        stop_reason=stop,
        message=of_stop(stop, began=began, number=lead.signal),
    )
