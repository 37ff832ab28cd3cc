"""What pods mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.pods import PodPhase, SeenPod, Trouble, labels
from polyaxon.pods.mapping import seen
from polyaxon.pods.seen import gone, merge
from tests.pods.jsons import (
    MAIN,
    RUN,
    T1,
    T2,
    T3,
    Json,
    container,
    deleted,
    disruption,
    ended,
    main,
    pod,
    running,
    scheduled,
    waiting,
)

NOW = datetime(2026, 3, 1, 10, 5, tzinfo=UTC)
W, S, R, E, L = PodPhase
INIT, SIDE = labels.INIT_CONTAINER, labels.SIDECAR_CONTAINER
NO_ROOM = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."

GOING: list[tuple[str, Json, PodPhase, Trouble | None, str | None]] = [
    ("just made", pod(node=None, conditions=[]), W, None, "waits for a node"),
    ("no status at all", {"metadata": {}, "spec": {}}, W, None, "waits for a node"),
    (
        "unschedulable",
        pod(node=None, conditions=[scheduled("False", reason="Unschedulable", message=NO_ROOM)]),
        W,
        Trouble.SCHEDULING,
        f"no node can take it: {NO_ROOM}",
    ),
    (
        "gated",
        pod(node=None, conditions=[scheduled("False", reason="SchedulingGated", message="queue is full")]),
        W,
        Trouble.SCHEDULING,
        "held back: queue is full",
    ),
    ("on a node, no containers yet", pod(), S, None, "its image is being pulled, or its volumes are being mounted"),
    ("creating", pod(containerStatuses=main(waiting("ContainerCreating"))), S, None, "its image is being pulled"),
    (
        "init runs",
        pod(
            initContainerStatuses=[container(running(), INIT)],
            containerStatuses=main(waiting("PodInitializing")),
        ),
        S,
        None,
        "its code and data are being fetched",
    ),
    (
        "image pull fails",
        pod(containerStatuses=main(waiting("ErrImagePull", "manifest unknown"))),
        S,
        Trouble.IMAGE,
        "its image img:1 cannot be pulled: manifest unknown",
    ),
    ("back-off", pod(containerStatuses=main(waiting("ImagePullBackOff"))), S, Trouble.IMAGE, "its image img:1 cannot"),
    (
        "image of the init container",
        pod(
            initContainerStatuses=[container(waiting("ErrImagePull"), INIT)],
            containerStatuses=main(waiting("PodInitializing")),
        ),
        S,
        Trouble.IMAGE,
        "its image img:1 cannot be pulled",
    ),
    (
        "invalid name",
        pod(containerStatuses=main(waiting("InvalidImageName", "invalid reference format"))),
        S,
        Trouble.FATAL,
        "its image's name is invalid (img:1): invalid reference format",
    ),
    ("never pull", pod(containerStatuses=main(waiting("ErrImageNeverPull"))), S, Trouble.FATAL, "its image is not on"),
    (
        "missing secret",
        pod(containerStatuses=main(waiting("CreateContainerConfigError", 'secret "aws" not found'))),
        S,
        Trouble.CONFIG,
        'its container cannot be made: secret "aws" not found',
    ),
    (
        "no such folder",
        pod(containerStatuses=main(waiting("CreateContainerError", "context deadline exceeded"))),
        S,
        Trouble.CONFIG,
        "its container cannot be made: context deadline exceeded",
    ),
    ("running", pod("Running", containerStatuses=main(running())), R, None, None),
    ("running, being deleted", deleted(pod("Running", containerStatuses=main(running()))), R, None, None),
    ("node silent", pod("Unknown", containerStatuses=main(running())), R, None, "its node does not answer"),
    ("node silent from the start", pod("Unknown"), S, None, "its node does not answer"),
    (
        "outputs are being stored",
        pod(
            "Running",
            initContainerStatuses=[container(running(), SIDE)],
            containerStatuses=main(ended(0)),
        ),
        R,
        None,
        "its outputs are being stored",
    ),
    (
        "doomed but not ended",
        pod("Running", containerStatuses=main(running()), conditions=[disruption("DeletionByTaintManager")]),
        R,
        None,
        None,
    ),
]

ENDED: list[tuple[str, Json, PodPhase, str | None, tuple[int | None, int | None], str | None]] = [
    ("succeeded", pod("Succeeded", containerStatuses=main(ended(0))), E, "Completed", (0, None), None),
    ("succeeded, no containers told", pod("Succeeded"), E, None, (0, None), None),
    ("ended before the phase", pod("Running", containerStatuses=main(ended(0))), E, "Completed", (0, None), None),
    ("exit code", pod("Failed", containerStatuses=main(ended(3))), E, "Error", (3, None), "exit code 3"),
    ("not found", pod("Failed", containerStatuses=main(ended(127))), E, "Error", (127, None), "command not found"),
    ("signal", pod("Failed", containerStatuses=main(ended(139))), E, "Error", (None, 11), "killed by SIGSEGV"),
    ("exit code 255", pod("Failed", containerStatuses=main(ended(255))), E, "Error", (255, None), "exit code 255"),
    (
        "out of memory",
        pod("Failed", containerStatuses=main(ended(137, "OOMKilled"))),
        E,
        "OOMKilled",
        (None, 9),
        "out of memory: it took more than its limit of 64Mi",
    ),
    (
        "no bash",
        pod("Failed", containerStatuses=main(ended(128, "StartError", message='exec: "/bin/bash": not found'))),
        E,
        "StartError",
        (128, None),
        'its command could not be started: exec: "/bin/bash": not found',
    ),
    (
        "too long",
        pod("Failed", reason="DeadlineExceeded", message="Pod was active on the node longer than allowed"),
        E,
        "DeadlineExceeded",
        (None, None),
        "ran longer than its timeout",
    ),
    (
        "evicted",
        pod("Failed", reason="Evicted", message="The node was low on resource: memory.",
            containerStatuses=main(ended(137))),
        L,
        "Evicted",
        (None, None),
        "evicted from its node: The node was low on resource: memory.",
    ),
    ("evicted before it began", pod("Failed", reason="Evicted", message="disk"), L, "Evicted", (None, None), "evicted"),
    (
        "preempted",
        pod("Failed", containerStatuses=main(ended(143)), conditions=[disruption("PreemptionByScheduler", "for p")]),
        L,
        "PreemptionByScheduler",
        (None, None),
        "preempted by a pod of higher priority: for p",
    ),
    (
        "preempted but succeeded",
        pod("Succeeded", containerStatuses=main(ended(0)), conditions=[disruption("PreemptionByScheduler")]),
        E,
        "Completed",
        (0, None),
        None,
    ),
    (
        "node drained",
        deleted(pod("Failed", containerStatuses=main(ended(143)), conditions=[disruption("EvictionByEvictionAPI")])),
        L,
        "EvictionByEvictionAPI",
        (None, None),
        "evicted from its node, which is being emptied",
    ),
    ("node lost", pod("Failed", reason="NodeLost"), L, "NodeLost", (None, None), "its node was lost"),
    (
        "node gone",
        deleted(pod("Failed", conditions=[disruption("DeletionByPodGC", "node removed")])),
        L,
        "DeletionByPodGC",
        (None, None),
        "its node is gone: node removed",
    ),
    ("node shut down", pod("Failed", reason="Terminated"), L, "Terminated", (None, None), "its node was shut down"),
    (
        "no room after all",
        pod("Failed", reason="OutOfnvidia.com/gpu", message="Node didn't have enough resource"),
        L,
        "OutOfnvidia.com/gpu",
        (None, None),
        "its node had no room for it: Node didn't have enough resource",
    ),
    (
        "kubelet lost sight",
        pod("Failed", containerStatuses=main(ended(137, "ContainerStatusUnknown", message="could not be located"))),
        L,
        "ContainerStatusUnknown",
        (None, None),
        "its node lost sight of it",
    ),
    ("no reason", pod("Failed"), L, "Failed", (None, None), "failed before it began: Failed"),
    (
        "code could not be fetched",
        pod(
            "Failed",
            initContainerStatuses=[container(ended(1, message="code: 404 Not Found\n"), INIT)],
            containerStatuses=main(waiting("PodInitializing")),
        ),
        L,
        "NotPrepared",
        (None, None),
        "could not be prepared: code: 404 Not Found",
    ),
    (
        "outputs not stored",
        pod(
            "Succeeded",
            initContainerStatuses=[
                container(ended(0), INIT),
                container(ended(1, message="s3: NoSuchBucket"), SIDE),
            ],
            containerStatuses=main(ended(0)),
        ),
        L,
        "OutputsNotStored",
        (None, None),
        "its outputs could not be stored: s3: NoSuchBucket",
    ),
    (
        "deleted by somebody",
        deleted(pod("Failed", containerStatuses=main(ended(143, at=T2)))),
        L,
        "Deleted",
        (None, 15),
        "its pod was deleted before it ended",
    ),
    (
        "deleted after it had ended",
        deleted(pod("Failed", containerStatuses=main(ended(4, at=T1)))),
        E,
        "Error",
        (4, None),
        "exit code 4",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "phase", "trouble", "message"), [case[1:] for case in GOING],
                         ids=[case[0] for case in GOING])  # fmt: skip
def test_pods_that_go_on(given: Json, phase: PodPhase, trouble: Trouble | None, message: str | None) -> None:
    found = seen(given, NOW)
    assert (found.phase, found.trouble) == (phase, trouble)
    assert found.trouble_since == (NOW if trouble else None)
    assert (found.message or "").startswith(message or "")
    assert (found.message is None) == (message is None)
    assert not found.is_over


@pytest.mark.parametrize(("given", "phase", "reason", "codes", "message"), [case[1:] for case in ENDED],
                         ids=[case[0] for case in ENDED])  # fmt: skip
def test_pods_that_have_ended(
    given: Json, phase: PodPhase, reason: str | None, codes: tuple[int | None, int | None], message: str | None
) -> None:
    found = seen(given, NOW)
    assert (found.phase, found.reason, (found.exit_code, found.signal)) == (phase, reason, codes)
    assert (found.message or "").startswith(message or "")
    assert (found.message is None) == (message is None)
    assert found.is_over
    assert found.trouble is None


def test_who_and_when() -> None:
    found = seen(pod("Succeeded", containerStatuses=main(ended(0))), NOW)
    assert (found.run, found.attempt, found.kind, found.role, found.index) == (RUN, 2, "experiment", "worker", 3)
    assert (found.node, found.container_id, found.uid) == ("node-1", "containerd://abc", "uid-1")
    assert found.started_at == datetime.fromisoformat(T1)
    assert found.finished_at == datetime.fromisoformat(T2)
    assert found.seen_at == NOW


def test_operators_number_their_pods() -> None:
    given = pod()
    del given["metadata"]["labels"][labels.INDEX]
    given["metadata"]["labels"]["training.kubeflow.org/replica-index"] = "7"
    assert seen(given, NOW).index == 7


def test_only_the_runs_own_container_counts() -> None:
    both = [container(ended(1), "istio-proxy"), container(running())]
    assert seen(pod("Running", containerStatuses=both), NOW).phase is R
    both = [container(running(), "istio-proxy"), container(ended(5))]
    found = seen(pod("Running", containerStatuses=both), NOW)
    assert (found.phase, found.exit_code, found.is_over) == (E, 5, False)


def test_deleted_pods_say_until_when() -> None:
    assert seen(deleted(pod()), NOW).deleting_until == datetime.fromisoformat(T3)


# -- properties --

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
REASONS = [
    "Evicted",
    "OOMKilled",
    "Error",
    "Completed",
    "Unschedulable",
    "ErrImagePull",
    "NodeLost",
    "DeadlineExceeded",
]
TIMES = [T1, T2, T3, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "yesterday"]
states = st.one_of(
    st.builds(waiting, st.sampled_from(REASONS)),
    st.builds(running, st.sampled_from(TIMES)),
    st.builds(lambda code, reason, at: ended(code, reason, at=at), st.integers(-1, 300), st.sampled_from(REASONS),
              st.sampled_from(TIMES)),
    anything,
)  # fmt: skip
statuses = st.fixed_dictionaries(
    {},
    optional={
        "phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", ""]) | anything,
        "reason": st.sampled_from(REASONS) | anything,
        "message": anything,
        "conditions": st.lists(
            st.builds(scheduled, st.sampled_from(["True", "False", "Unknown"]), reason=st.sampled_from(REASONS))
            | st.builds(disruption, st.sampled_from(["DeletionByPodGC", "PreemptionByScheduler", "x"]))
            | anything,
            max_size=3,
        )
        | anything,
        "containerStatuses": st.lists(st.builds(container, states, st.sampled_from([MAIN, "other"])), max_size=2)
        | anything,
        "initContainerStatuses": st.lists(st.builds(container, states, st.sampled_from([INIT, SIDE])), max_size=2)
        | anything,
    },
)


@st.composite
def pods(draw: Any) -> Json:
    found = pod()
    found["status"] = draw(statuses | anything)
    if draw(st.booleans()):
        deleted(found, draw(st.sampled_from(TIMES)), draw(st.integers() | anything))
    return found


@given(pods() | anything)
def test_nothing_in_a_pod_makes_it_raise(given: Any) -> None:
    found = seen(given if isinstance(given, dict) else {"status": given, "metadata": given, "spec": given}, NOW)
    assert isinstance(found, SeenPod)
    assert found.message is None or found.message
    assert (found.phase is PodPhase.EXITED) <= (found.message is not None or found.exit_code == 0)


@given(st.lists(st.tuples(pods(), st.integers(0, 10**6)), min_size=2, max_size=8))
def test_what_has_ended_never_goes_on(sightings: list[tuple[Json, int]]) -> None:
    known: SeenPod | None = None
    for given_pod, second in sightings:
        new = seen(given_pod, NOW + timedelta(seconds=second))
        merged = merge(known, new) if known else new
        if known:
            assert not known.phase.is_final or merged.phase is known.phase or _earlier(new, known)
            assert not (known.phase.is_final and not merged.phase.is_final)
            assert not (known.phase is PodPhase.RUNNING and merged.phase in {W, S})
            assert known.is_over <= merged.is_over
            assert (known.node is None) or merged.node is not None
        known = merged


def _earlier(new: SeenPod, known: SeenPod) -> bool:
    assert new.seen_at is not None
    assert known.seen_at is not None
    return new.phase.is_final and new.seen_at <= known.seen_at


@given(pods(), pods())
def test_the_order_of_two_sightings_does_not_matter(first: Json, second: Json) -> None:
    one, two = seen(first, NOW), seen(second, NOW + timedelta(seconds=1))
    assert merge(one, two).phase is merge(two, one).phase
    assert merge(one, one) == one


@given(pods())
def test_a_pod_that_is_gone_is_over(given: Json) -> None:
    found = gone(seen(given, NOW), NOW)
    assert found.phase.is_final
    assert found.is_over
    assert found.is_gone
    assert merge(found, seen(given, NOW + timedelta(seconds=1))).is_gone


def test_trouble_is_counted_from_its_beginning() -> None:
    def at_minute(minute: int, reason: str) -> SeenPod:
        return seen(pod(containerStatuses=main(waiting(reason))), NOW + timedelta(minutes=minute))

    known = merge(at_minute(0, "ErrImagePull"), at_minute(1, "ImagePullBackOff"))
    assert known.trouble_since == NOW
    known = merge(known, at_minute(2, "CreateContainerConfigError"))
    assert known.trouble_since == NOW + timedelta(minutes=2)
    assert merge(known, at_minute(3, "ContainerCreating")).trouble_since is None


def test_another_pod_of_the_same_name_is_refused() -> None:
    other = pod()
    other["metadata"]["uid"] = "uid-2"
    with pytest.raises(ValueError, match="another pod"):
        merge(seen(pod(), NOW), seen(other, NOW))
