"""A search that goes on after its end, and searches made from another one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from polyaxon.actions import code
from polyaxon.actions.group_clones import copy_group, restart_group, resume_group
from polyaxon.actions.groups import stop_group
from polyaxon.actions.runs import archive, request_stop
from polyaxon.actions.search_changes import change_search
from polyaxon.actions.statuses import set_status
from polyaxon.actions.trials import prune_trial
from polyaxon.db.models import Event, Experiment, ExperimentGroup, SearchDecision
from polyaxon.errors import InvalidInput
from polyaxon.settings.config import load
from polyaxon.trials import DatabaseHistory
from polyaxon.trials.hours import hours_spent
from scheduler.passes import groups
from scheduler.passes.groups import advance_group
from tests.contents import tar_gz
from tests.factories import make_group, make_metrics, make_project, make_selection
from tests.scheduler.played import play, search, step, succeed

pytestmark = pytest.mark.django_db(transaction=True)
RANDOM = {"random_search": {"n_experiments": 6}, "concurrency": 2}


@pytest.fixture(autouse=True)
def _many_slots(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAXON_LOCAL_CONCURRENCY", "16")
    settings.CONFIG = load()


def stop(group: ExperimentGroup) -> None:
    """Stop it, and have the processes of its trials end."""
    stop_group(group, group.user)
    advance_group(group)
    for trial in group.experiments.exclude(status__in=Experiment.LIFECYCLE.done):
        Experiment.objects.filter(pk=trial.pk).update(attempt=1)
        set_status(trial, "stopped")
    advance_group(group)
    assert group.status == "stopped"


def points(group: ExperimentGroup) -> dict[int | None, float]:
    rows = group.experiments.filter(trial_index__isnull=False)
    return {row.trial_index: row.params["lr"] for row in rows}


def undisturbed(section: dict[str, Any]) -> dict[int | None, float]:
    group = search(section)
    play(group)
    return points(group)


def test_a_stopped_search_goes_on_with_the_same_points() -> None:
    group = search(RANDOM)
    done, interrupted = step(group)
    set_status(done, "succeeded")
    stop(group)
    assert set(group.experiments.exclude(pk=done.pk).values_list("status", flat=True)) == {"stopped"}
    resume_group(group, group.user)
    assert (group.status, group.stop_requested_at, group.finished_at) == ("resuming", None, None)
    play(group)
    assert group.status == "done"
    assert points(group) == undisturbed(RANDOM)
    again = group.experiments.get(trial_index=interrupted.trial_index)
    assert again.pk != interrupted.pk
    assert (again.cloning_strategy, again.original_experiment_id) == ("resume", interrupted.pk)
    assert again.outputs_owner == interrupted
    fresh = group.experiments.filter(trial_index__isnull=False).exclude(pk__in=[done.pk, again.pk])
    assert set(fresh.values_list("cloning_strategy", flat=True)) == {None}, "those had not begun"
    assert Event.objects.filter(event_type="experiment_group.resumed", object_id=group.pk).count() == 1


def test_what_was_interrupted_twice_goes_on_in_the_first_ones_outputs() -> None:
    group = search({**RANDOM, "concurrency": 1})
    (first,) = step(group)
    stop(group)
    resume_group(group, group.user)
    (second,) = step(group)
    Experiment.objects.filter(pk=second.pk).update(attempt=1)
    stop(group)
    resume_group(group, group.user)
    (third,) = step(group)
    assert second.trial_index == third.trial_index == 0
    assert third.outputs_owner == second.outputs_owner == first
    play(group)
    assert points(group) == undisturbed(RANDOM)


def test_a_promoted_trial_that_was_interrupted_goes_on_where_its_line_writes() -> None:
    section = {
        "asha": {
            "n_experiments": 3,
            "max_iter": 9,
            "eta": 3,
            "resource": {"name": "epochs", "type": "int"},
            "metric": {"name": "loss", "optimization": "minimize"},
            "resume": True,
        },
        "concurrency": 1,
    }
    group = search(section)
    while not (promoted := [trial for trial in step(group) if trial.cloning_strategy]):
        for trial in group.experiments.filter(status="running"):
            status, metrics = succeed(trial)
            make_metrics(trial, metrics)
            set_status(trial, status)
    (trial,) = promoted
    stop(group)
    resume_group(group, group.user)
    play(group)
    again = group.experiments.get(trial_index=trial.trial_index)
    assert again.outputs_owner == trial.outputs_owner
    starts = group.decisions.filter(kind=SearchDecision.START, trial_index=trial.trial_index)
    assert [start.rung for start in starts] == [1]
    replaced = group.decisions.get(kind=SearchDecision.REPLACED, experiment=trial)
    assert (replaced.rung, replaced.trial_index) == (1, trial.trial_index)


def test_neither_pruned_trials_nor_those_a_person_stopped_are_repeated() -> None:
    group = search({**RANDOM, "concurrency": 3})
    pruned, unwanted, interrupted = step(group)
    assert prune_trial(pruned, "does badly", {"step": 3})
    assert not prune_trial(pruned, "again", {})
    set_status(pruned, "stopped")
    request_stop(unwanted, group.user)
    set_status(unwanted, "stopped")
    stop(group)
    resume_group(group, group.user)
    play(group)
    kept = {
        row.pk: row.trial_index for row in group.experiments.filter(pk__in=[pruned.pk, unwanted.pk, interrupted.pk])
    }
    assert kept == {pruned.pk: 0, unwanted.pk: 1, interrupted.pk: None}
    assert len(points(group)) == 6
    assert len(DatabaseHistory(group).all()) == 6


def test_after_stop_pending_the_rest_comes_when_it_is_resumed() -> None:
    group = search({**RANDOM, "concurrency": 1})
    (first,) = step(group)
    stop_group(group, group.user, pending_only=True)
    set_status(first, "succeeded")
    advance_group(group)
    assert group.status == "done"
    assert group.status_message == "The trials that had not started were stopped by a user."
    resume_group(group, group.user)
    order = play(group)
    assert len(order) == 5
    assert points(group) == undisturbed(RANDOM)


def test_a_search_that_ended_by_its_budget_goes_on_with_a_larger_one() -> None:
    group = search({**RANDOM, "budget": {"max_trials": 2}})
    play(group)
    resume_group(group, group.user)
    play(group)
    assert len(points(group)) == 2, "the budget is still spent"
    assert "max_trials" in group.status_message
    change_search(group, group.user, {"budget": {"max_trials": 5}})
    resume_group(group, group.user)
    play(group)
    assert len(points(group)) == 5
    change_search(group, group.user, {"budget": {"max_trials": None}})
    resume_group(group, group.user)
    play(group)
    assert (len(points(group)), group.status, group.status_message) == (6, "done", "")


def test_more_trials_for_a_search_that_is_done() -> None:
    group = search(RANDOM)
    play(group)
    change_search(group, group.user, {"random_search": {"n_experiments": 9}})
    resume_group(group, group.user)
    assert len(play(group)) == 3
    assert points(group) == undisturbed({**RANDOM, "random_search": {"n_experiments": 9}})


def test_more_trials_for_a_search_under_way() -> None:
    group = search(RANDOM)
    step(group)
    assert group.suggestions_complete
    change_search(group, group.user, {"random_search": {"n_experiments": 9}})
    play(group)
    assert len(points(group)) == 9


def test_a_search_that_failed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no sense")

    group = search(RANDOM)
    step(group)
    with monkeypatch.context() as patched:
        patched.setattr(groups, "ends_early", broken)
        advance_group(group)
    assert group.status == "failed"
    resume_group(group, group.user)
    for trial in group.experiments.filter(status="running"):
        set_status(trial, "succeeded")
    play(group)
    assert group.status == "done"
    assert points(group) == undisturbed(RANDOM)


def test_only_time_in_which_it_ran_counts() -> None:
    group = search(RANDOM)
    step(group)
    stop(group)
    now = timezone.now()
    group.statuses.filter(status="running").update(created_at=now - timedelta(hours=10))
    group.statuses.filter(status="stopped").update(created_at=now - timedelta(hours=9))
    assert hours_spent(group) == pytest.approx(1)
    resume_group(group, group.user)
    step(group)
    group.statuses.filter(status="running", created_at__gt=now).update(created_at=now - timedelta(minutes=30))
    assert hours_spent(group) == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("status", ["created", "running", "stopping", "skipped"])
def test_only_what_has_ended_is_resumed(status: str) -> None:
    group = search(RANDOM)
    if status != "created":
        set_status(group, status)
    with pytest.raises(InvalidInput, match=status):
        resume_group(group, group.user)
    assert group.status == status


def test_neither_archived_searches_nor_selections_are_resumed() -> None:
    group = search(RANDOM)
    play(group)
    archive(group, group.user)
    group.refresh_from_db()
    with pytest.raises(InvalidInput, match="archived"):
        resume_group(group, group.user)
    with pytest.raises(InvalidInput, match="no search"):
        resume_group(make_selection(group.project), group.user)


def test_late_events_never_open_a_search_again() -> None:
    group = search(RANDOM)
    play(group)
    for status in sorted(ExperimentGroup.LIFECYCLE.values):
        assert set_status(group, status) is None
    advance_group(group)
    assert group.status == "done"


def test_a_late_pass_does_not_stop_what_was_resumed_meanwhile() -> None:
    group = search(RANDOM)
    step(group)
    stop_group(group, group.user)
    late = ExperimentGroup.objects.get(pk=group.pk)
    stop(group)
    resume_group(group, group.user)
    groups._stop(late)
    step(group)
    assert group.status == "running"
    assert not group.experiments.filter(status="running", stop_requested_at__isnull=False).exists()


# -- restart and copy --


def test_a_restarted_search_does_the_same_with_the_same_code() -> None:
    project = make_project()
    assert project.user is not None
    code.upload(project, project.user, tar_gz({"a": "b"}))
    content = {"matrix": {"lr": {"uniform": [0, 1]}}, **RANDOM}
    file = json.dumps({"version": 1, "kind": "group", "hptuning": content, "run": {"cmd": "echo {{ lr }}"}})
    group = make_group(project, content=file)
    code.upload(project, project.user, tar_gz({"a": "c"}))
    play(group)
    again = restart_group(group, group.user)
    assert (again.original_group, again.cloning_strategy, again.seed) == (group, "restart", group.seed)
    assert again.code_reference == group.code_reference
    assert DatabaseHistory(again).all() == []
    play(again)
    assert points(again) == points(group)


def test_what_was_changed_of_a_search_goes_into_its_clones() -> None:
    group = search(RANDOM)
    change_search(group, group.user, {"concurrency": 5, "budget": {"max_trials": 3}})
    again = restart_group(group, group.user, content="{hptuning: {concurrency: 4}}")
    assert again.hptuning is not None
    assert (again.concurrency, again.hptuning["budget"]) == (4, {"max_trials": 3})


def test_a_copy_begins_with_what_the_original_found() -> None:
    group = search({**RANDOM, "seed": None})
    play(group)
    copy = copy_group(group, group.user, content="hptuning: {random_search: {n_experiments: 2}}")
    assert (copy.original_group, copy.cloning_strategy) == (group, "copy")
    assert copy.seed != group.seed
    known = DatabaseHistory(copy).all()
    assert [trial.index for trial in known] == [None] * 6
    assert {trial.params["lr"] for trial in known} == set(points(group).values())
    play(copy)
    assert len(points(copy)) == 2


def test_a_wrong_override_makes_no_search() -> None:
    group = search(RANDOM)
    with pytest.raises(InvalidInput):
        restart_group(group, group.user, content="hptuning: {random_search: {n_experiments: 0}}")
    assert not group.clones.exists()
