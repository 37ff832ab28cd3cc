"""From pods to where an attempt stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.pods import PodPhase, SeenPod, Trouble
from polyaxon.pods.seen import gone
from scheduler.runners.base import Observation, Phase, StopReason
from scheduler.runners.kubernetes.verdict import Patience, lead_of, verdict
from tests.pods.contract import make

NOW = datetime(2026, 3, 1, 11, tzinfo=UTC)
AGO = NOW - timedelta(minutes=10)
RUN = "0" * 32


def pod(role: str = "master", index: int = 0, phase: PodPhase = PodPhase.RUNNING, **more: Any) -> SeenPod:
    name = f"plx-{role}-{index}"
    defaults: dict[str, Any] = {"uid": name, "started_at": AGO if phase is PodPhase.RUNNING else None}
    return make(RUN, name=name, role=role, index=index, phase=phase, **(defaults | more))


def ended(role: str = "master", index: int = 0, code: int = 0, **more: Any) -> SeenPod:
    message = f"exit code {code}" if code else None
    facts = {"exit_code": code, "message": message, "started_at": AGO, "finished_at": NOW, "is_over": True}
    return pod(role, index, PodPhase.EXITED, **(facts | more))


def lost(role: str = "master", index: int = 0, **more: Any) -> SeenPod:
    facts = {"message": "evicted from its node", "started_at": AGO, "finished_at": NOW, "is_over": True}
    return pod(role, index, PodPhase.LOST, **(facts | more))


def judged(*pods: SeenPod, stop: StopReason | None = None) -> tuple[Observation, list[str]]:
    found = verdict(pods, stop, NOW, Patience())
    return found.observation, [each.name for each in found.leftovers]


WORKERS = [pod("worker", 0), pod("worker", 1)]


def test_the_first_replica_leads() -> None:
    assert lead_of(WORKERS) is None
    assert lead_of([*WORKERS, pod()]) == pod()
    assert lead_of([pod("worker"), pod("launcher")]) == pod("launcher")
    assert lead_of([pod("node", 1), pod("node", 0)]) == pod("node", 0)
    assert lead_of([pod("master", 1)]) is None


@pytest.mark.parametrize(
    ("pods", "phase", "code", "message", "leftovers"),
    [
        ([pod()], Phase.RUNNING, None, None, []),
        ([pod(phase=PodPhase.STARTING, message="pulling")], Phase.STARTING, None, None, []),
        ([ended()], Phase.EXITED, 0, None, []),
        ([ended(code=3)], Phase.EXITED, 3, "exit code 3", []),
        ([lost()], Phase.LOST, None, "evicted from its node", []),
        ([ended(), *WORKERS], Phase.EXITED, 0, None, ["plx-worker-0", "plx-worker-1"]),
        ([pod(), ended("worker", 0), WORKERS[1]], Phase.RUNNING, None, None, []),
        (
            [pod(), ended("worker", 0, 4), WORKERS[1]],
            Phase.EXITED,
            4,
            "worker 0: exit code 4",
            ["plx-master-0", "plx-worker-1"],
        ),
        ([ended(), ended("worker", 0, 4)], Phase.EXITED, 0, None, []),
        ([ended(), lost("worker")], Phase.EXITED, 0, None, []),
        (
            [pod(), lost("worker", 0)],
            Phase.RUNNING,
            None,
            "worker 0: evicted from its node; what is left of it is being ended",
            ["plx-master-0"],
        ),
        ([lost(), lost("worker", 0)], Phase.LOST, None, "evicted from its node", []),
        (
            [
                pod(phase=PodPhase.STARTING),
                pod("ps", 0, PodPhase.WAITING, trouble=Trouble.SCHEDULING, message="no room"),
            ],
            Phase.STARTING,
            None,
            "ps 0: no room",
            [],
        ),
        ([gone(pod(), NOW)], Phase.LOST, None, "its pod was deleted before it ended", []),
        ([gone(ended(code=2), NOW)], Phase.EXITED, 2, "exit code 2", []),
    ],
)
def test_where_an_attempt_stands(
    pods: list[SeenPod], phase: Phase, code: int | None, message: str | None, leftovers: list[str]
) -> None:
    found, left = judged(*pods)
    assert (found.phase, found.exit_code, found.message, left) == (phase, code, message, leftovers)
    assert found.stop_reason is None


@pytest.mark.parametrize("trouble", [Trouble.IMAGE, Trouble.CONFIG])
def test_trouble_is_waited_for_a_while(trouble: Trouble) -> None:
    waiting = pod(phase=PodPhase.STARTING, trouble=trouble, message="cannot be pulled")
    early = judged(replace(waiting, trouble_since=NOW - timedelta(minutes=4)))
    assert early == (Observation(Phase.STARTING, message="cannot be pulled"), [])
    late, left = judged(replace(waiting, trouble_since=NOW - timedelta(minutes=5)))
    assert (late.phase, late.exit_code, late.message, left) == (
        Phase.EXITED,
        None,
        "cannot be pulled",
        ["plx-master-0"],
    )


def test_what_never_passes_fails_at_once_and_room_is_waited_for() -> None:
    fatal = pod(phase=PodPhase.STARTING, trouble=Trouble.FATAL, trouble_since=NOW, message="invalid name")
    assert judged(fatal)[0].phase is Phase.EXITED
    crowded = pod(phase=PodPhase.WAITING, trouble=Trouble.SCHEDULING, trouble_since=AGO - timedelta(days=9))
    assert judged(crowded)[0].phase is Phase.STARTING


def test_a_pod_that_failed_to_start_stays_so() -> None:
    waiting = pod(phase=PodPhase.STARTING, trouble=Trouble.FATAL, trouble_since=NOW, message="invalid name")
    found = verdict([waiting], None, NOW, Patience())
    assert [each.phase for each in found.given_up] == [PodPhase.EXITED]
    again = verdict([gone(found.given_up[0], NOW)], None, NOW, Patience())
    assert again.observation == found.observation


def test_a_node_that_does_not_answer_is_given_up() -> None:
    leaving = pod(deleting_until=NOW - Patience().node)
    assert judged(leaving)[0].phase is Phase.RUNNING
    found = verdict([replace(leaving, deleting_until=NOW - 2 * Patience().node)], None, NOW, Patience())
    assert (found.observation.phase, found.leftovers) == (Phase.LOST, ())
    assert found.observation.message == "its node does not answer, and it is given up"
    assert len(found.given_up) == 1


@pytest.mark.parametrize("reason", list(StopReason))
def test_a_stop_is_over_when_no_pod_lives(reason: StopReason) -> None:
    found, left = judged(pod(), ended("worker", 0, 143), stop=reason)
    assert (found.phase, found.stop_reason, left) == (Phase.RUNNING, None, ["plx-master-0"])
    found, left = judged(gone(pod(), NOW), ended("worker", 0, 143), stop=reason)
    assert (found.phase, found.stop_reason, left) == (Phase.EXITED, reason, [])
    assert found.message
    assert found.message.startswith("stopped")


def test_a_stop_before_the_start() -> None:
    found, _ = judged(gone(pod(phase=PodPhase.WAITING), NOW), stop=StopReason.USER)
    assert (found.phase, found.stop_reason, found.started_at) == (Phase.EXITED, StopReason.USER, None)
    assert found.message == "stopped on request, before the command began"


def test_a_stop_by_force_is_told() -> None:
    killed = lost(exit_code=None, signal=9, reason="Deleted")
    found, _ = judged(killed, stop=StopReason.USER)
    assert found.message == "stopped on request; it did not end within its grace period and was killed"


any_pod = st.builds(
    lambda role, index, phase, over, trouble, code: pod(
        role, index, phase, is_over=over and phase.is_final, trouble=trouble, exit_code=code, message="m"
    ),
    st.sampled_from(["master", "worker", "ps"]),
    st.integers(0, 2),
    st.sampled_from(list(PodPhase)),
    st.booleans(),
    st.sampled_from([None, *Trouble]),
    st.sampled_from([None, 0, 1]),
)


@given(st.lists(any_pod, max_size=5, unique_by=lambda each: each.name), any_pod, st.sampled_from([None, *StopReason]))
def test_ends_leave_nothing_that_goes_on(others: list[SeenPod], lead: SeenPod, stop: StopReason | None) -> None:
    lead = replace(lead, role="master", index=0, name="plx-master-0", uid="plx-master-0")
    pods = [lead, *(each for each in others if each.name != lead.name)]
    found = verdict(pods, stop, NOW, Patience())
    living = {each.name for each in pods if not each.is_over}
    left = {each.name for each in found.leftovers}
    assert left <= living
    if found.observation.phase is Phase.LOST:
        assert not living
    if found.observation.phase is Phase.EXITED:
        assert living <= left
    if stop is not None and found.observation.phase is Phase.EXITED:
        assert found.observation.stop_reason is stop
