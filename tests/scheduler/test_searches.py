"""How a search goes: what it makes and when, and how it ends."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from polyaxon.actions.groups import stop_group
from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, SearchDecision
from polyaxon.settings.config import load
from polyaxon.trials import count_trials
from scheduler import tasks, turns
from scheduler.passes import groups
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import AHEAD, SUGGESTIONS_AT_ONCE, advance_group
from scheduler.passes.pruning import groups_to_watch
from tests.factories import make_experiment, make_metrics
from tests.scheduler.played import UNIFORM, play, search, step, succeed

pytestmark = pytest.mark.django_db(transaction=True)
RANDOM = {"random_search": {"n_experiments": 6}}


def kinds(group: ExperimentGroup, kind: str) -> list[SearchDecision]:
    return list(group.decisions.filter(kind=kind).order_by("id"))


@pytest.fixture(autouse=True)
def _many_slots(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine sets no limit here, only the search does."""
    monkeypatch.setenv("POLYAXON_LOCAL_CONCURRENCY", "16")
    settings.CONFIG = load()


# -- making trials --


def test_a_large_search_is_made_a_little_ahead() -> None:
    group = search({"matrix": {"lr": {"linspace": [0, 1, 5000]}}})
    advance_group(group)
    assert count_trials(group).waiting == SUGGESTIONS_AT_ONCE
    advance_group(group)
    assert count_trials(group).waiting == SUGGESTIONS_AT_ONCE, "there are enough"
    group.experiments.filter(trial_index__lt=40).update(status="succeeded")
    advance_group(group)
    counts = count_trials(group)
    assert (counts.trials, counts.waiting) == (100, 60)
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == list(range(100))
    assert AHEAD <= SUGGESTIONS_AT_ONCE


def test_as_many_wait_as_may_run_at_once() -> None:
    group = search({"matrix": {"lr": {"linspace": [0, 1, 5000]}}, "concurrency": 120})
    for _ in range(5):
        advance_group(group)
    assert count_trials(group).waiting == 150


def test_a_pass_costs_the_same_however_many_trials_there_are(django_assert_max_num_queries: Any) -> None:
    group = search({"matrix": {"lr": {"linspace": [0, 1, 5000]}}})
    advance_group(group)
    group.experiments.update(status="succeeded")
    advance_group(group)
    with django_assert_max_num_queries(4):
        advance_group(group)


def test_an_adaptive_search_makes_as_many_as_there_are_slots() -> None:
    group = search({"asha": {**ASHA, "n_experiments": 9}, "concurrency": 3})
    advance_group(group)
    assert count_trials(group).waiting == 3
    first = group.experiments.order_by("pk").first()
    assert first is not None
    set_status(first, "running")
    make_metrics(first, {"loss": 1.0})
    set_status(first, "succeeded")
    advance_group(group)
    counts = count_trials(group)
    assert (counts.trials, counts.open) == (4, 3)


def test_every_trial_knows_why_it_was_started() -> None:
    group = search({"hyperband": HYPERBAND, "concurrency": 5})
    play(group)
    starts = kinds(group, SearchDecision.START)
    assert [start.trial_index for start in starts] == list(range(len(starts)))
    assert all(start.reason for start in starts)
    assert {start.experiment_id for start in starts} == set(group.experiments.values_list("pk", flat=True))
    promoted = [start for start in starts if start.parent_index is not None]
    assert promoted
    assert {start.rung for start in promoted} >= {1}


def test_a_second_pass_at_the_same_moment_becomes_one_more_round() -> None:
    group = search(RANDOM)
    rounds: list[int] = []

    def work() -> None:
        rounds.append(1)
        if len(rounds) == 1:
            advance_group(group)  # as another thread would
            advance_group(group)

    turns.groups.run(group.pk, work)
    assert len(rounds) == 2
    assert not group.experiments.exists()
    advance_group(group)
    assert group.experiments.count() == 6


def test_after_a_round_that_failed_the_group_is_free() -> None:
    def broken() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        turns.groups.run(-1, broken)
    done: list[int] = []
    turns.groups.run(-1, lambda: done.append(1))
    assert done == [1]


def test_a_pass_of_a_group_that_is_gone_does_nothing() -> None:
    tasks.group_pass(987654321)
    assert not Experiment.objects.exists()


# -- rungs --

ASHA = {
    "n_experiments": 9,
    "max_iter": 9,
    "eta": 3,
    "resource": {"name": "epochs", "type": "int"},
    "metric": {"name": "loss", "optimization": "minimize"},
    "resume": True,
}
HYPERBAND = {key: ASHA[key] for key in ("max_iter", "eta", "resource", "metric")}


@pytest.mark.parametrize("section", [{"asha": ASHA}, {"hyperband": {**HYPERBAND, "resume": True}}])
def test_a_promoted_trial_goes_on_in_the_outputs_of_its_line(section: dict[str, Any]) -> None:
    group = search({**section, "concurrency": 2})
    play(group)
    assert group.status == "done"
    promoted = group.experiments.filter(decisions__parent_index__isnull=False)
    assert promoted.exists()
    for trial in promoted:
        assert trial.cloning_strategy == "resume"
        root = trial.original_experiment
        assert root is not None
        assert root.cloning_strategy is None
        assert trial.params["lr"] == root.params["lr"]
        assert trial.params["epochs"] > root.params["epochs"]
        assert trial.outputs_owner == root


def test_without_resume_it_begins_anew() -> None:
    group = search({"hyperband": HYPERBAND, "concurrency": 9})
    play(group)
    promoted = group.experiments.filter(decisions__parent_index__isnull=False)
    assert promoted.exists()
    assert {trial.cloning_strategy for trial in promoted} == {"restart"}
    assert all(trial.outputs_owner == trial for trial in promoted)


def test_defect_705_the_command_line_has_the_promoted_resource() -> None:
    from polyaxon_schemas import parse

    group = search({"hyperband": HYPERBAND}, cmd="train --lr={{ lr }} --epochs={{ epochs }}")
    play(group)
    commands = {
        parse(trial.content or "").render(trial.params).command.rpartition("=")[2] for trial in group.experiments.all()
    }
    assert commands == {"1", "3", "9"}


@pytest.mark.parametrize("section", [{"asha": ASHA}, {"hyperband": {**HYPERBAND, "resume": True}}, {"pbt": None}])
def test_defect_706_promoted_trials_keep_to_the_concurrency(section: dict[str, Any]) -> None:
    pbt = {"population_size": 4, "interval": 1, **{key: ASHA[key] for key in ("resource", "metric")}, "max_iter": 3}
    group = search({key: value or pbt for key, value in section.items()} | {"concurrency": 2})
    most = 0
    for _ in range(100):
        advance_group(group)
        dispatch()
        under_way = list(group.experiments.filter(status__in=["scheduled", "running"]).order_by("pk"))
        most = max(most, len(under_way))
        for trial in under_way[:1]:
            make_metrics(trial, {"loss": trial.params["lr"]})
            set_status(trial, "succeeded")
        group.refresh_from_db()
        if group.is_done:
            break
    assert (group.status, most) == ("done", 2)


def test_population_based_training_goes_on_in_copies() -> None:
    section = {
        "population_size": 4,
        "max_iter": 3,
        "interval": 1,
        "resource": ASHA["resource"],
        "metric": ASHA["metric"],
    }
    group = search({"pbt": section, "concurrency": 4})
    play(group)
    later = group.experiments.filter(decisions__rung__gt=0)
    assert later.count() == 8
    for trial in later:
        parent = group.experiments.get(trial_index=trial.decisions.get(kind="start").parent_index)
        assert (trial.cloning_strategy, trial.original_experiment) == ("copy", parent)


def test_a_trial_waits_while_another_run_writes_where_it_is_to_go_on() -> None:
    group = search(RANDOM)
    root = make_experiment(group.project, group=group, trial_index=50)
    trial = make_experiment(
        group.project, group=group, trial_index=51, original=root, cloning_strategy="resume", code_is_pinned=True
    )
    set_status(group, "running")
    set_status(root, "running")
    assert dispatch() == 0
    set_status(root, "succeeded")
    assert dispatch() == 1
    trial.refresh_from_db()
    assert trial.status == "scheduled"


def test_trials_that_fail_at_random_never_hang_a_search() -> None:
    for section in ({"asha": ASHA}, {"hyperband": {**HYPERBAND, "resume": True}}, RANDOM):
        group = search({**section, "concurrency": 3})
        play(group, lambda trial: ("failed", {}) if trial.pk % 3 else succeed(trial))
        assert group.status == "done"


@pytest.mark.parametrize("section", [{"asha": ASHA}, {"hyperband": HYPERBAND}, RANDOM])
def test_a_search_of_which_all_trials_failed_has_failed_and_says_so(section: dict[str, Any]) -> None:
    group = search({**section, "concurrency": 3})
    play(group, lambda _: ("failed", {}))
    assert group.status == "failed"
    assert "trials failed" in group.status_message
    assert kinds(group, SearchDecision.FINISH)[-1].reason == group.status_message


def test_a_pass_that_goes_wrong_fails_the_search_with_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no sense")

    group = search(RANDOM)
    monkeypatch.setattr(groups, "_room", broken)
    advance_group(group)
    record = group.statuses.get(status="failed")
    assert record.message == "The search failed: no sense"
    assert "RuntimeError" in (record.traceback or "")


# -- runs that people add --


def test_a_run_that_a_person_adds_keeps_neither_to_the_concurrency_nor_to_stages() -> None:
    group = search({"asha": ASHA, "concurrency": 1})
    assert len(step(group)) == 1
    by_hand = make_experiment(group.project, group=group, params={"lr": 0.3, "epochs": 1})
    dispatch()
    by_hand.refresh_from_db()
    assert by_hand.status == "scheduled"
    make_metrics(by_hand, {"loss": 0.0001})
    set_status(by_hand, "succeeded")
    for trial in group.experiments.filter(status="running"):
        make_metrics(trial, {"loss": 0.5})
        set_status(trial, "succeeded")
    play(group)
    assert group.status == "done"
    assert by_hand.pk not in group.experiments.exclude(cloning_strategy=None).values_list(
        "original_experiment", flat=True
    )


# -- budgets --


def test_a_search_that_has_made_the_trials_it_may_ends_with_them() -> None:
    group = search({**RANDOM, "budget": {"max_trials": 4}, "concurrency": 3})
    order = play(group)
    assert (len(order), group.status) == (4, "done")
    assert "max_trials" in group.status_message
    (finish,) = kinds(group, SearchDecision.FINISH)
    assert finish.numbers == {"trials": 4}


def test_too_many_failures_stop_and_fail_a_search() -> None:
    group = search({**RANDOM, "budget": {"max_failures": 2}, "concurrency": 1})
    order = play(group, lambda _: ("failed", {}))
    assert (len(order), group.status) == (2, "failed")
    assert "max_failures" in group.status_message
    assert set(group.experiments.values_list("status", flat=True)) == {"failed", "stopped"}
    (finish,) = kinds(group, SearchDecision.FINISH)
    assert (finish.numbers["failures"], finish.numbers["status"]) == (2, "failed")


def test_a_search_whose_time_is_up_is_stopped() -> None:
    group = search({**RANDOM, "budget": {"max_hours": 1.5}, "concurrency": 1})
    (trial,) = step(group)
    advance_group(group)
    assert group.status == "running"
    group.statuses.filter(status="running").update(created_at=timezone.now() - timedelta(minutes=91))
    advance_group(group)
    assert group.status == "stopping"
    set_status(trial, "stopped")
    advance_group(group)
    assert (group.status, count_trials(group).open) == ("stopped", 0)
    assert "max_hours" in group.status_message
    assert kinds(group, SearchDecision.FINISH)[0].numbers["hours"] == pytest.approx(91 / 60, abs=0.01)


def test_a_user_s_stop_ends_as_stopped_whatever_was_decided_before() -> None:
    group = search({**RANDOM, "budget": {"max_trials": 2}, "concurrency": 2})
    step(group)
    stop_group(group, group.user)
    group.experiments.exclude(status="stopped").update(status="failed")
    advance_group(group)
    assert group.status == "stopped"


# -- early stopping --


def goal(**item: Any) -> dict[str, Any]:
    return {**RANDOM, "concurrency": 2, "early_stopping": [{"metric": "loss", **item}]}


@pytest.mark.parametrize(
    ("item", "values", "ends"),
    [
        ({"value": 0.1, "optimization": "minimize"}, [0.05, 0.9], True),
        ({"value": 0.1, "optimization": "minimize"}, [0.2], False),
        ({"value": 0.9, "optimization": "maximize"}, [0.95, 0.1], True),
        ({"value": 0.9, "optimization": "maximize"}, [0.5], False),
        ({"value": 0.9, "optimization": "maximize"}, [float("inf")], True),
        ({"value": 0.9, "optimization": "maximize"}, [float("nan")], False),
    ],
)
def test_a_search_ends_when_a_running_trial_reaches_its_goal(
    item: dict[str, Any], values: list[float], ends: bool
) -> None:
    """Whenever that was: the goal may have been passed again by the time of the next look."""
    group = search(goal(**item))
    first, _ = step(group)
    make_metrics(first, *({"loss": value} for value in values))
    tasks.searches_pass()
    group.refresh_from_db()
    assert group.status == ("stopping" if ends else "running")
    if ends:
        assert group.status_message.startswith("early stopping: loss")
        assert f"trial {first.trial_index}" in group.status_message
        assert kinds(group, SearchDecision.FINISH)[0].reason == group.status_message


def test_only_searches_with_rules_are_looked_at_often() -> None:
    search(RANDOM)
    watched = search(goal(value=1.0))
    assert groups_to_watch() == [watched.pk]
    request_stop(watched, watched.user)
    assert groups_to_watch() == []


MEDIAN = {"kind": "median", "evaluation_interval": 2, "min_trials": 2}


def curve(trial: Experiment, *values: float) -> None:
    make_metrics(trial, *({"loss": value} for value in values))


def test_a_trial_that_does_badly_is_stopped_and_still_counts() -> None:
    group = search({**goal(optimization="minimize", policy=MEDIAN), "concurrency": 4})
    good = step(group)
    bad = good.pop()
    for trial in good:
        curve(trial, 0.5, 0.4, 0.3)
    curve(bad, 0.9, 0.9)
    tasks.searches_pass()
    bad.refresh_from_db()
    assert bad.stop_requested_at is None, "it has not come to the second step"
    curve(bad, 0.9)
    tasks.searches_pass()
    bad.refresh_from_db()
    assert bad.stop_requested_at is not None
    (decision,) = kinds(group, SearchDecision.STOP)
    assert (decision.experiment_id, decision.trial_index) == (bad.pk, bad.trial_index)
    assert decision.numbers["step"] == 2
    assert "median policy" in decision.reason
    assert not Experiment.objects.filter(pk__in=[trial.pk for trial in good], stop_requested_at__isnull=False).exists()
    set_status(bad, "stopped")
    for trial in good:
        set_status(trial, "succeeded")
    play(group)
    assert group.status == "done"


def test_a_policy_looks_again_only_when_something_came(django_assert_max_num_queries: Any) -> None:
    group = search({**goal(optimization="minimize", policy=MEDIAN), "concurrency": 4})
    for trial in step(group):
        curve(trial, 0.5, 0.4, 0.3, 0.2)
    tasks.searches_pass()
    with django_assert_max_num_queries(6):
        tasks.searches_pass()


def test_a_wrong_file_of_one_search_does_not_keep_the_others_from_their_passes() -> None:
    broken, fine = search(goal(value=0.1, optimization="minimize")), search(goal(value=0.1, optimization="minimize"))
    first, _ = step(fine)
    curve(first, 0.01)
    ExperimentGroup.objects.filter(pk=broken.pk).update(content="{")
    tasks.searches_pass()
    for group in (broken, fine):
        group.refresh_from_db()
    assert (broken.status, fine.status) == ("failed", "stopping")


def test_the_matrix_keeps_its_order_whatever_the_database_does_to_columns() -> None:
    matrix = {"zz": {"values": [1, 2]}, "b": {"values": [1, 2]}, **UNIFORM}
    group = search({"matrix": {**matrix, "lr": {"values": [0.5]}}, "concurrency": 9})
    advance_group(ExperimentGroup.objects.get(pk=group.pk))
    rows = group.experiments.order_by("trial_index")
    assert [(row.params["zz"], row.params["b"]) for row in rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert list(json.loads(rows[0].content or "")["params"]) == ["zz", "b", "lr"]
