"""From a pod as the API server describes it to what it means: the one place that knows.

Pure, and never raises: whatever is missing or odd in a status is treated as not being there.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from polyaxon.pods import exits, labels
from polyaxon.pods.reading import at, integer, items, part, text
from polyaxon.pods.seen import PodPhase, SeenPod, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELL_BASE = 128  # an exit code above it is this plus the number of the signal that ended the command
# Reasons of the pod's end that are the platform's doing, in words.
_LOSSES = {
    "Evicted": "evicted from its node",
    "Preempted": "preempted by a pod of higher priority",
    "Preempting": "preempted by a pod of higher priority",
    "PreemptionByScheduler": "preempted by a pod of higher priority",
    "PreemptionByKubeScheduler": "preempted by a pod of higher priority",
    "NodeLost": "its node was lost",
    "NodeShutdown": "its node was shut down",
    "Shutdown": "its node was shut down",
    "Terminated": "its node was shut down",
    "TerminationByKubelet": "its node needed room, or was shut down",
    "DeletionByTaintManager": "its node does not answer or was emptied",
    "DeletionByPodGC": "its node is gone",
    "DeletionByDeviceTaintManager": "a device that it used was taken away",
    "EvictionByEvictionAPI": "evicted from its node, which is being emptied",
    "NodeAffinity": "its node no longer fits it",
    "UnexpectedAdmissionError": "its node refused it",
    "TopologyAffinityError": "its node refused it",
    "ContainerStatusUnknown": "its node lost sight of it, as after a restart",
}
_NO_ROOM = "OutOf"  # OutOfcpu, OutOfmemory, OutOfnvidia.com/gpu …
_IMAGE = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"}
)
_FATAL = {
    "InvalidImageName": "its image's name is invalid",
    "ErrImageNeverPull": "its image is not on the node, and its pull policy is Never",
}
_CONFIG = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreStartHookError", "CrashLoopBackOff"}
)


def seen(pod: Mapping[str, Any], now: datetime | None = None) -> SeenPod:
    """What `pod` (JSON of the API) says. `now` is when it was seen."""
    status = _Status(pod)
    found = _identity(pod, now or datetime.now(UTC))
    found = replace(found, is_over=status.phase in {"Succeeded", "Failed"})
    return _ended(found, status) or _going(found, status)


@dataclass(frozen=True, slots=True)
class _Status:
    """The parts of a pod that decide."""

    pod: Mapping[str, Any]

    @property
    def status(self) -> Mapping[str, Any]:
        return part(self.pod, "status")

    @property
    def phase(self) -> str:
        return text(self.status, "phase") or ""

    def condition(self, kind: str) -> Mapping[str, Any]:
        return next((each for each in items(self.status, "conditions") if each.get("type") == kind), {})

    @property
    def main(self) -> Mapping[str, Any]:
        """Status of the run's container."""
        found = items(self.status, "containerStatuses")
        wanted = text(part(self.pod, "metadata", "annotations"), labels.MAIN_CONTAINER)
        named = [each for each in found if each.get("name") == wanted]
        return (named or ([] if wanted and len(found) > 1 else found) or [{}])[0]

    @property
    def prepares(self) -> list[Mapping[str, Any]]:
        """Statuses of what comes before the run."""
        return [each for each in self._first if each.get("name") != labels.SIDECAR_CONTAINER]

    @property
    def sidecar(self) -> Mapping[str, Any]:
        return next((each for each in self._first if each.get("name") == labels.SIDECAR_CONTAINER), {})

    @property
    def _first(self) -> list[Mapping[str, Any]]:
        return items(self.status, "initContainerStatuses")

    @property
    def node(self) -> str | None:
        return text(part(self.pod, "spec"), "nodeName")


def _identity(pod: Mapping[str, Any], now: datetime) -> SeenPod:
    meta, status = part(pod, "metadata"), _Status(pod)
    named = part(meta, "labels")
    indexes = [integer(named.get(label)) for label in (labels.INDEX, *labels.OPERATOR_INDEXES)]
    scheduled = status.condition("PodScheduled")
    return SeenPod(
        name=text(meta, "name") or "",
        uid=text(meta, "uid") or "",
        run=text(named, labels.RUN) or "",
        attempt=integer(named.get(labels.ATTEMPT)) or 0,
        kind=text(named, labels.KIND) or "",
        role=text(named, labels.ROLE) or "",
        index=next((index for index in indexes if index is not None), 0),
        phase=PodPhase.WAITING,
        created_at=at(meta, "creationTimestamp"),
        scheduled_at=at(scheduled, "lastTransitionTime") if scheduled.get("status") == "True" else None,
        node=status.node,
        container_id=text(status.main, "containerID"),
        deleting_until=at(meta, "deletionTimestamp"),
        seen_at=now,
    )


# -- pods that have ended --


def _ended(found: SeenPod, status: _Status) -> SeenPod | None:
    if loss := _loss(status):
        return _lost(found, status, *loss)
    if text(status.status, "reason") == "DeadlineExceeded":
        return _exited(found, status, "DeadlineExceeded", "ran longer than its timeout")
    terminated = part(status.main, "state", "terminated")
    if terminated:
        return _after_command(found, status, terminated)
    if status.phase == "Succeeded":
        return replace(_exited(found, status, None, None), exit_code=0)
    if status.phase == "Failed":
        return _before_command(found, status)
    return None


def _loss(status: _Status) -> tuple[str, str] | None:
    """Reason and words if the platform ended the pod. While it is still ending, nothing has been lost yet."""
    terminated = part(status.main, "state", "terminated")
    if status.phase != "Failed" and not terminated:
        return None
    told = text(status.status, "reason") or ""
    disruption = status.condition("DisruptionTarget")
    doomed = text(disruption, "reason") if disruption.get("status") == "True" else None
    # One that succeeded all the same has lost nothing.
    for reason in (told, doomed, text(terminated, "reason")):
        if reason and (reason in _LOSSES or reason.startswith(_NO_ROOM)) and not _succeeded(terminated):
            words = _LOSSES.get(reason, "its node had no room for it")
            detail = text(status.status, "message") or text(disruption, "message")
            return reason, _with(words, detail)
    return None


def _succeeded(terminated: Mapping[str, Any]) -> bool:
    return bool(terminated) and integer(terminated.get("exitCode")) == 0


def _after_command(found: SeenPod, status: _Status, terminated: Mapping[str, Any]) -> SeenPod:
    if not found.is_over and status.sidecar and not part(status.sidecar, "state", "terminated"):
        return replace(_running(found, status), message="its outputs are being stored")
    code = integer(terminated.get("exitCode"))
    reason = text(terminated, "reason")
    number = code - SHELL_BASE if code is not None and code - SHELL_BASE in set(signal.Signals) else None
    facts: dict[str, Any] = {
        "exit_code": None if number else code,
        "signal": number,
        "is_over": _is_over(found, status),
    }
    if _was_deleted(status, terminated):
        return replace(_lost(found, status, "Deleted", "its pod was deleted before it ended"), **facts)
    stored = part(status.sidecar, "state", "terminated")
    if _succeeded(terminated) and found.is_over and stored and not _succeeded(stored):
        return _lost(found, status, "OutputsNotStored", _with("its outputs could not be stored", _said(stored)))
    return replace(_exited(found, status, reason, _words(status, terminated, code, number)), **facts)


def _is_over(found: SeenPod, status: _Status) -> bool:
    """With the only container ended nothing runs, before the pod's phase says so."""
    return found.is_over or not (status.sidecar or len(items(status.status, "containerStatuses")) > 1)


def _words(status: _Status, terminated: Mapping[str, Any], code: int | None, number: int | None) -> str | None:
    reason = text(terminated, "reason")
    if reason == "OOMKilled":
        return f"out of memory: it took more than its limit{_limit(status)}"
    if reason in {"StartError", "ContainerCannotRun"}:
        return _with("its command could not be started", text(terminated, "message"))
    if number:
        return exits.of_signal(number)
    return exits.of_exit_code(code) if code is not None else "ended, and its exit code is unknown"


def _limit(status: _Status) -> str:
    name = status.main.get("name")
    mine = next((each for each in items(part(status.pod, "spec"), "containers") if each.get("name") == name), {})
    limit = text(part(mine, "resources", "limits"), "memory")
    return f" of {limit}" if limit else ""


def _was_deleted(status: _Status, terminated: Mapping[str, Any]) -> bool:
    """Whether the command ended because somebody deleted its pod."""
    meta = part(status.pod, "metadata")
    until = at(meta, "deletionTimestamp")
    if until is None:
        return False
    # It was asked to end that long before it must be gone.
    grace = timedelta(seconds=min(max(integer(meta.get("deletionGracePeriodSeconds")) or 0, 0), 10**9))
    finished = at(terminated, "finishedAt")
    return finished is None or until - finished <= grace


def _before_command(found: SeenPod, status: _Status) -> SeenPod:
    """It failed, and its command never ran, or nobody knows what became of it."""
    for each in (*status.prepares, status.sidecar):
        terminated = part(each, "state", "terminated")
        if terminated and not _succeeded(terminated):
            return _lost(found, status, "NotPrepared", _with("could not be prepared", _said(terminated)))
    reason = text(status.status, "reason") or "Failed"
    return _lost(found, status, reason, _with("failed before it began", text(status.status, "message") or reason))


def _said(terminated: Mapping[str, Any]) -> str | None:
    told = text(terminated, "message") or text(terminated, "reason")
    code = integer(terminated.get("exitCode"))
    return told.strip() if told else f"exit code {code}"


def _exited(found: SeenPod, status: _Status, reason: str | None, message: str | None) -> SeenPod:
    return replace(found, phase=PodPhase.EXITED, reason=reason, message=message, **_times(status))


def _lost(found: SeenPod, status: _Status, reason: str, message: str) -> SeenPod:
    return replace(found, phase=PodPhase.LOST, reason=reason, message=message, **_times(status))


def _times(status: _Status) -> dict[str, Any]:
    terminated = part(status.main, "state", "terminated")
    started = at(terminated, "startedAt")
    # What never began is told to have begun and ended in 1970.
    begun = started if started and started.year > 1970 else None  # noqa: PLR2004 - see above
    return {"started_at": begun, "finished_at": at(terminated, "finishedAt") if begun else None}


def _with(words: str, detail: str | None) -> str:
    return f"{words}: {detail.strip()}" if detail and detail.strip() else words


# -- pods that have not --


def _going(found: SeenPod, status: _Status) -> SeenPod:
    if part(status.main, "state", "running") or status.phase == "Unknown":
        return _running(found, status)
    if trouble := _trouble(status):
        kind, reason, message = trouble
        found = replace(found, trouble=kind, trouble_since=found.seen_at, reason=reason, message=message)
        return replace(found, phase=PodPhase.STARTING if status.node else PodPhase.WAITING)
    if not status.node:
        return replace(found, message="waits for a node")
    return replace(found, phase=PodPhase.STARTING, message=_preparing(status))


def _running(found: SeenPod, status: _Status) -> SeenPod:
    state = part(status.main, "state")
    started = at(part(state, "running"), "startedAt") or at(part(state, "terminated"), "startedAt")
    message = "its node does not answer" if status.phase == "Unknown" else None
    # Before it was seen to run, a node that does not answer has not started it as far as anybody knows.
    phase = PodPhase.RUNNING if state else PodPhase.STARTING
    is_ready = status.condition("Ready").get("status") == "True"
    return replace(found, phase=phase, started_at=started, message=message, is_ready=is_ready)


def _preparing(status: _Status) -> str:
    if any(part(each, "state", "running") for each in status.prepares):
        return "its code and data are being fetched"
    return "its image is being pulled, or its volumes are being mounted"


def _trouble(status: _Status) -> tuple[Trouble, str, str] | None:
    for each in (*status.prepares, status.sidecar, status.main):
        waiting = part(each, "state", "waiting")
        reason, detail = text(waiting, "reason") or "", text(waiting, "message")
        image = text(each, "image") or "?"
        if reason in _FATAL:
            return Trouble.FATAL, reason, _with(f"{_FATAL[reason]} ({image})", detail)
        if reason in _IMAGE:
            return Trouble.IMAGE, reason, _with(f"its image {image} cannot be pulled", detail)
        if reason in _CONFIG:
            return Trouble.CONFIG, reason, _with("its container cannot be made", detail or reason)
    return _unschedulable(status)


def _unschedulable(status: _Status) -> tuple[Trouble, str, str] | None:
    scheduled = status.condition("PodScheduled")
    if scheduled.get("status") != "False":
        return None
    reason = text(scheduled, "reason") or "Unschedulable"
    words = "held back" if reason == "SchedulingGated" else "no node can take it"
    return Trouble.SCHEDULING, reason, _with(words, text(scheduled, "message"))
