"""Trials that fail are started again, by real processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from polyaxon import storage
from polyaxon.actions.groups import stop_group
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Experiment, ExperimentGroup, SearchDecision
from polyaxon.trials import count_trials
from scheduler.passes import queue, reconcile
from tests.factories import make_experiment
from tests.scheduler.played import search

pytestmark = pytest.mark.django_db(transaction=True)
ONE = {"random_search": {"n_experiments": 1}}
# Fails until it was started three times; each time finds what it left.
THIRD_TIME = 'cd "$POLYAXON_RUN_OUTPUTS_PATH"; echo {{ lr }} >> trace; test $(wc -l < trace) -ge 3'


def until(condition: Callable[[], bool], timeout: float = 100.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        reconcile.reconcile()
        time.sleep(0.02)


def done(row: Experiment | ExperimentGroup) -> bool:
    row.refresh_from_db()
    return row.is_done


def trace(trial: Experiment) -> list[str]:
    return Path(storage.outputs().local_path(trial.sub_path), "trace").read_text().splitlines()


@pytest.mark.parametrize(
    ("most", "attempts", "ends"), [(2, 3, "done"), (5, 3, "done"), (1, 2, "failed"), (0, 1, "failed")]
)
def test_a_trial_that_fails_is_started_again_in_its_outputs(most: int, attempts: int, ends: str) -> None:
    group = search({**ONE, "max_retries": most}, cmd=THIRD_TIME)
    until(lambda: done(group))
    trial = group.experiments.get()
    assert (group.status, trial.attempt) == (ends, attempts)
    assert trace(trial) == [str(trial.params["lr"])] * attempts
    retries = group.decisions.filter(kind=SearchDecision.RETRY).order_by("id")
    assert [(retry.trial_index, retry.numbers) for retry in retries] == [
        (0, {"retry": number, "attempt": number}) for number in range(1, attempts)
    ]
    for retry in retries:
        assert f"of {most}" in retry.reason
    statuses = list(trial.statuses.values_list("status", flat=True))
    again = ["warning", "scheduled", "starting", "running"] * (attempts - 1)
    end = "succeeded" if ends == "done" else "failed"
    assert statuses == ["created", "scheduled", "starting", "running", *again, end]
    assert trial.jobs.get().status == end


def test_a_trial_that_is_started_again_keeps_its_slot() -> None:
    section = {"random_search": {"n_experiments": 3}, "concurrency": 1, "max_retries": 1}
    group = search(section, cmd="sleep 0.1; exit 1 # {{ lr }}")
    most = 0

    def ended() -> bool:
        nonlocal most
        most = max(most, queue.count_active())
        return done(group)

    until(ended)
    assert most == 1
    assert [trial.attempt for trial in group.experiments.all()] == [2, 2, 2]
    counts = count_trials(group)
    assert (counts.failed, group.status) == (3, "failed")


def test_a_stop_wins_over_a_retry() -> None:
    group = search({**ONE, "max_retries": 1000}, cmd="trap 'exit 1' TERM; echo {{ lr }}; sleep 100 & wait")
    until(lambda: group.experiments.filter(status="running").exists())
    stop_group(group, group.user)
    until(lambda: done(group))
    assert (group.status, group.experiments.get().status) == ("stopped", "stopped")
    assert not group.decisions.filter(kind=SearchDecision.RETRY).exists()


def test_a_trial_that_its_user_stops_is_not_started_again() -> None:
    group = search({**ONE, "max_retries": 1000}, cmd="trap 'exit 1' TERM; echo {{ lr }}; sleep 100 & wait")
    until(lambda: group.experiments.filter(status="running").exists())
    request_stop(group.experiments.get(), group.user)
    until(lambda: done(group))
    assert (group.status, group.experiments.get().status) == ("done", "stopped")


def test_runs_that_people_add_are_not_started_again() -> None:
    group = search({**ONE, "max_retries": 3}, cmd="sleep 3; echo {{ lr }}")
    by_hand = make_experiment(
        group.project, group=group, content='{"version": 1, "kind": "experiment", "run": {"cmd": "exit 1"}}'
    )
    until(lambda: done(by_hand))
    assert (by_hand.status, by_hand.attempt) == ("failed", 1)
    stop_group(group, group.user)
    until(lambda: done(group))


def test_what_can_never_start_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from scheduler.passes import launching

    def defective(run: object) -> None:
        raise KeyError("something")

    monkeypatch.setattr(launching, "launch_spec", defective)
    group = search({**ONE, "max_retries": 3})
    until(lambda: done(group))
    assert group.status == "failed"
    assert group.experiments.get().attempt == 1


def test_a_stopped_trial_tells_why() -> None:
    section = {
        "random_search": {"n_experiments": 2},
        "concurrency": 2,
        "early_stopping": [{"metric": "loss", "value": 0.5, "optimization": "minimize"}],
    }
    group = search(section, cmd="sleep 100; echo {{ lr }}")
    until(lambda: group.experiments.filter(status="running").count() == 2)
    from tests.factories import make_metrics

    first = group.experiments.order_by("trial_index").first()
    assert first is not None
    make_metrics(first, {"loss": 0.4})
    until(lambda: done(group))
    messages = set(group.experiments.values_list("status_message", flat=True))
    assert messages == {"early stopping: loss = 0.4 ≤ 0.5 in trial 0"} == {group.status_message}
