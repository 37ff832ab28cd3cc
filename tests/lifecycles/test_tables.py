"""Which status may follow which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.lifecycles import EXPERIMENT, GROUP, JOB, Lifecycle, experiment_status

ALL = pytest.mark.parametrize("lifecycle", [EXPERIMENT, JOB, GROUP], ids=["experiment", "job", "group"])


@ALL
def test_done_is_final(lifecycle: Lifecycle) -> None:
    moves = [(a, b) for a in lifecycle.done for b in lifecycle.values if lifecycle.can_move(a, b)]
    assert moves == []


def test_only_searches_that_ended_may_be_opened_again() -> None:
    assert GROUP.reopens == {"stopped", "failed", "done"}
    assert GROUP.reopens <= GROUP.done
    assert EXPERIMENT.reopens == JOB.reopens == frozenset()


@ALL
def test_every_open_status_can_end_in_every_done_one(lifecycle: Lifecycle) -> None:
    missing = [(a, b) for a in lifecycle.open for b in lifecycle.done if not lifecycle.can_move(a, b)]
    assert missing == []


@ALL
def test_nothing_becomes_created(lifecycle: Lifecycle) -> None:
    assert not any(lifecycle.can_move(status, "created") for status in lifecycle.values)


@ALL
def test_tables_name_only_known_statuses(lifecycle: Lifecycle) -> None:
    named = set(lifecycle.transitions).union(*lifecycle.transitions.values())
    assert named <= lifecycle.values


@ALL
def test_a_status_does_not_follow_itself(lifecycle: Lifecycle) -> None:
    repeated = [status for status in lifecycle.values if lifecycle.can_move(status, status)]
    assert repeated == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("created", "scheduled"),
        ("scheduled", "starting"),
        ("starting", "running"),
        ("running", "succeeded"),
        ("warning", "scheduled"),
        ("running", "warning"),
    ],
)
def test_an_experiment_goes_its_way(source: str, target: str) -> None:
    assert EXPERIMENT.can_move(source, target)


@pytest.mark.parametrize(
    ("source", "target"), [("running", "scheduled"), ("running", "starting"), ("running", "building")]
)
def test_a_running_experiment_does_not_go_back(source: str, target: str) -> None:
    assert not EXPERIMENT.can_move(source, target)


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        ([], None),
        (["succeeded", "running", "running"], "succeeded"),
        (["failed", "running"], "failed"),
        (["running", "unknown"], "unknown"),
        (["running", "unschedulable"], "warning"),
        (["running", "stopped"], "stopped"),
        (["running", "failed"], "failed"),
        (["building", "running"], "starting"),
        (["scheduled"], "running"),
        (["running", "running"], "running"),
    ],
)
def test_experiment_status_from_its_replicas(replicas: list[str], expected: str | None) -> None:
    assert experiment_status(replicas) == expected


@given(st.lists(st.sampled_from(sorted(JOB.values)), min_size=1, max_size=6))
def test_derived_status_is_one_of_an_experiment(replicas: list[str]) -> None:
    assert experiment_status(replicas) in EXPERIMENT.values
