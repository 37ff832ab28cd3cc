"""Few runs get their slots and are launched in one step, and whatever is out of the ordinary takes two."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from polyaxon import storage
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import CodeReference, Event, Experiment, ExperimentGroup, ExperimentJob, PassLock, Token
from polyaxon.db.writes import Statement
from polyaxon.security import tokens
from polyaxon.trials import plan_of
from scheduler import tasks, turns
from scheduler.passes import dispatch as dispatching
from scheduler.passes import fairness, groups, launching, reconcile, runs, slots, starting
from scheduler.passes.dispatch import dispatch
from scheduler.passes.runs import advance
from scheduler.runners.base import LaunchSpec, RunnerError
from scheduler.runners.local.runner import LocalRunner
from tests.contents import experiment_content
from tests.factories import make_experiment, make_job, make_project
from tests.scheduler.played import search
from tests.scheduler.test_races import in_threads, status, until

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRES = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for all")
TRACED = experiment_content("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace")


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots for all, and somebody has given out some before. What a dispatch remembers does not age within a test."""
    monkeypatch.setattr(fairness, "REMEMBERED", math.inf)
    fairness.forget()
    monkeypatch.setattr("polyaxon.limits.slots", lambda: 20)
    PassLock.objects.get_or_create(name="dispatch")


def waiting(number: int = 1, content: str = TRACED, **fields: Any) -> list[Experiment]:
    project = make_project()
    return [make_experiment(project=project, content=content, **fields) for _ in range(number)]


def history(run: Experiment | ExperimentJob) -> list[str]:
    return list(run.statuses.values_list("status", flat=True))


def trace(run: Experiment) -> str:
    return (storage.outputs().local_path(run.sub_path) / "trace").read_text()


def test_a_run_is_started_once_and_ends_as_any_other() -> None:
    (run,) = waiting()
    assert dispatch(launching=True) == 1
    until(lambda: status(run) == "succeeded")
    assert trace(run) == "x\n"
    assert history(run) == ["created", "scheduled", "starting", "running", "succeeded"]
    master = ExperimentJob.objects.get(experiment=run)
    assert history(master) == ["scheduled", "running", "succeeded"]
    told = Event.objects.filter(event_type="experiment.new_status", object_id=run.pk).order_by("id")
    assert [event.context["status"] for event in told] == history(run)[1:]


@ON_POSTGRES
def test_it_is_one_step_of_a_few_statements_and_its_token_is_there_before_it() -> None:
    waiting()
    dispatch(launching=True)  # what is asked for the first time is prepared
    (run,) = waiting(content=experiment_content("sleep 100"))
    load, version = slots.load(), PassLock.objects.get(name="dispatch").version
    with CaptureQueriesContext(connection) as asked:
        assert dispatch(load, launching=True) == 1
    assert len(asked) <= 3, [query["sql"] for query in asked]
    row = Experiment.objects.get(pk=run.pk)
    assert (row.status, row.attempt) == ("starting", 1)
    assert PassLock.objects.get(name="dispatch").version == version + 1
    assert Token.objects.get(run=run.uuid).user == run.user


def test_the_token_that_a_run_is_given_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}
    submit = LocalRunner.submit

    def noting(self: LocalRunner, spec: LaunchSpec) -> None:
        given[spec.run] = spec.env["POLYAXON_SECRET_USER_TOKEN"]
        submit(self, spec)

    monkeypatch.setattr(LocalRunner, "submit", noting)
    several = waiting(3)
    dispatch(launching=True)
    until(lambda: all(run.uuid.hex in given for run in several))
    for run in several:
        found = tokens.find(given[run.uuid.hex])
        assert found is None or found.run == run.uuid  # none once it has ended


@ON_POSTGRES
def test_a_run_that_is_stopped_meanwhile_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = waiting(2)
    prepare = starting.launching.prepare

    def then_stopped(run: Experiment) -> Any:
        if run.pk == first.pk:
            request_stop(first, first.user)
        return prepare(run)

    monkeypatch.setattr(starting.launching, "prepare", then_stopped)
    dispatch(launching=True)
    assert (status(first), first.attempt) == ("stopped", 0)
    assert status(second) == "scheduled", "by the two steps"
    assert not Token.objects.filter(run__in=[first.uuid, second.uuid]).exists()


@ON_POSTGRES
@pytest.mark.parametrize("number", [starting.MOST, starting.MOST + 1])
def test_many_take_two_steps(number: int) -> None:
    several = waiting(number)
    assert dispatch(launching=True) == number
    wanted = "starting" if number <= starting.MOST else "scheduled"
    assert {status(run) for run in several} == {wanted}


@ON_POSTGRES
def test_runs_that_something_is_copied_for_take_two_steps() -> None:
    with_code, copied, original = waiting(3)
    rows = Experiment.objects
    rows.filter(pk=original.pk).update(status="succeeded")
    rows.filter(pk=with_code.pk).update(code_reference=CodeReference.objects.create(commit="0" * 40))
    rows.filter(pk=copied.pk).update(original_experiment=original, cloning_strategy="copy")
    for run in (with_code, copied):
        assert starting.start([slots.Waiting(0, run.created_at, run.pk, Experiment)], Statement("SELECT 1", [])) is None
        assert status(run) == "created"
    assert dispatch(launching=True) == 2
    assert (status(with_code), status(copied)) == ("scheduled", "scheduled")


@ON_POSTGRES
def test_jobs_take_two_steps() -> None:
    job = make_job(content='{"version": 1, "kind": "job", "run": {"cmd": "true"}}')
    assert dispatch(launching=True) == 1
    assert status(job) == "scheduled"


def test_a_run_that_cannot_be_prepared_fails_with_the_reason_and_the_one_beside_it_runs() -> None:
    broken, sound = waiting(2)
    Experiment.objects.filter(pk=broken.pk).update(content='{"version": 1, "kind": "experiment"}')
    assert dispatch(launching=True) == 2
    until(lambda: status(broken) == "failed" and status(sound) == "succeeded")
    assert "no run.cmd" in broken.status_message
    assert trace(sound) == "x\n"


def test_trouble_of_the_runner_is_shown_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    submit, trouble = LocalRunner.submit, [RunnerError("no room")]

    def troubled(self: LocalRunner, spec: LaunchSpec) -> None:
        if trouble:
            raise trouble.pop()
        submit(self, spec)

    monkeypatch.setattr(LocalRunner, "submit", troubled)
    (run,) = waiting()
    dispatch(launching=True)
    until(lambda: status(run) == "succeeded")
    assert history(run) == ["created", "scheduled", "starting", "warning", "starting", "running", "succeeded"]
    assert history(ExperimentJob.objects.get(experiment=run))[:2] == ["scheduled", "warning"]
    assert trace(run) == "x\n"


@ON_POSTGRES
def test_a_run_that_somebody_is_at_takes_two_steps() -> None:
    (run,) = waiting()
    with turns.runs.take(runs.turn(Experiment, run.pk)) as ours:
        assert ours
        assert dispatch(launching=True) == 1
    assert status(run) == "scheduled"


def test_a_process_that_dies_before_the_runner_is_told_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(self: LocalRunner, spec: LaunchSpec) -> None:
        raise Killed

    (run,) = waiting()

    def two_steps() -> None:
        dispatch(launching=True)
        advance(Experiment.objects.get(pk=run.pk))

    with monkeypatch.context() as patched:
        patched.setattr(LocalRunner, "submit", killed)
        with pytest.raises(Killed):
            two_steps()
    assert status(run) == "starting"
    until(lambda: status(run) == "succeeded")
    assert trace(run) == "x\n"
    assert run.attempt == 1


def test_many_at_once_start_each_run_once() -> None:
    several = waiting(12)
    free = slots.load()

    def one() -> None:
        for _ in range(3):
            dispatch(free, launching=True)
            dispatch(launching=True)

    in_threads(4 if connection.vendor == "postgresql" else 1, one)
    until(lambda: all(status(run) == "succeeded" for run in several))
    assert [trace(run) for run in several] == ["x\n"] * 12
    assert {run.attempt for run in several} == {1}


@ON_POSTGRES
def test_another_that_gives_out_slots_meanwhile_keeps_it_from_starting_more_than_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting(2)
    read, other_done = starting._ROWS.all, threading.Event()

    def later(**keys: Any) -> Any:
        found = read(**keys)
        if not other_done.is_set():
            other_done.set()
            in_threads(1, lambda: dispatch(launching=True))
        return found

    monkeypatch.setattr(starting._ROWS, "all", later)
    monkeypatch.setattr("polyaxon.limits.slots", lambda: 1)
    dispatch(launching=True)
    assert Experiment.objects.exclude(status="created").count() == 1


# -- new trials of a search --


TPE = {"tpe": {"n_experiments": 50, "metric": {"name": "loss", "optimization": "minimize"}}, "concurrency": 1}


def learning(cmd: str = "sleep 100", **section: Any) -> ExperimentGroup:
    """A search that suggests one trial after the other, and has been looked at before."""
    group = search({**TPE, **section}, cmd=cmd)
    group_pass(group)
    return group


def group_pass(group: ExperimentGroup) -> None:
    tasks.group_pass(group.pk)


def trials(group: ExperimentGroup) -> list[Experiment]:
    return list(group.experiments.order_by("trial_index"))


def ended(trial: Experiment) -> None:
    """Its end, of which nobody is told."""
    Experiment.objects.filter(pk=trial.pk).update(status="succeeded")


@ON_POSTGRES
def test_a_new_trial_begins_in_the_step_that_stores_it() -> None:
    group = learning("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace")
    (trial,) = trials(group)
    assert (trial.status, trial.attempt) == ("starting", 1)
    until(lambda: status(trial) == "succeeded")
    assert trace(trial) == "x\n"
    assert history(trial) == ["created", "scheduled", "starting", "running", "succeeded"]
    times = list(trial.statuses.order_by("id").values_list("created_at", flat=True))
    assert times == sorted(times)
    assert times[0] == trial.created_at
    assert history(ExperimentJob.objects.get(experiment=trial)) == ["scheduled", "running", "succeeded"]
    told = Event.objects.filter(subject="experiment", object_id=trial.pk).order_by("id")
    assert [event.event_type for event in told][:3] == ["experiment.created", *["experiment.new_status"] * 2]
    assert trial.decisions.get().kind == "start"


@ON_POSTGRES
def test_all_that_becomes_of_a_trial_that_ends_until_the_next_one_starts_is_three_statements() -> None:
    group = learning()
    for _ in range(2):  # what is asked for the first time is prepared
        ended(trials(group)[-1])
        group_pass(group)
    ended(trials(group)[-1])
    with CaptureQueriesContext(connection) as asked:
        group_pass(group)
    assert len(asked) <= 3, [query["sql"] for query in asked]
    assert [trial.status for trial in trials(group)] == [*["succeeded"] * 3, "starting"]


@ON_POSTGRES
def test_numbers_are_drawn_for_trials_that_come_and_for_no_others() -> None:
    group = learning()
    for _ in range(4):
        ended(trials(group)[-1])
        for _ in range(3):  # twice there is no room
            group_pass(group)
    numbers = [trial.pk for trial in trials(group)]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert list(group.iterations.order_by("id").values_list("number", flat=True)) == list(range(5))


@ON_POSTGRES
def test_a_trial_whose_place_was_taken_while_it_was_suggested_is_not_added(monkeypatch: pytest.MonkeyPatch) -> None:
    group = learning()
    for _ in range(2):
        ended(trials(group)[-1])
        group_pass(group)
    ended(trials(group)[-1])
    algorithm = plan_of(ExperimentGroup.objects.get(pk=group.pk)).algorithm
    suggest = algorithm.suggest

    def late(*arguments: Any, **keys: Any) -> Any:
        decision = suggest(*arguments, **keys)
        in_threads(1, lambda: add_trials(group, decision.suggestions, complete=False))
        return decision

    with monkeypatch.context() as patched:
        patched.setattr(algorithm, "suggest", late)
        group_pass(group)
    assert [trial.trial_index for trial in trials(group)] == [0, 1, 2, 3]
    assert list(group.iterations.order_by("id").values_list("number", flat=True)) == [0, 1, 2, 3]
    assert Experiment.objects.filter(status="starting").count() <= 1


@ON_POSTGRES
def test_who_waits_gets_the_slot_before_a_new_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon.limits.slots", lambda: 1)
    group = learning()
    (other,) = waiting(content=experiment_content("sleep 100"))
    ended(trials(group)[0])
    group_pass(group)
    assert status(other) == "starting"
    assert [trial.status for trial in trials(group)] == ["succeeded", "created"]
    ended(other)
    dispatch()
    assert [trial.status for trial in trials(group)] == ["succeeded", "scheduled"]


@ON_POSTGRES
def test_a_slot_is_given_away_while_the_search_is_at_its_model() -> None:
    group = learning()
    (other,) = waiting(content=experiment_content("sleep 100"))
    rounds: list[str] = []

    def at_its_model() -> None:
        if not rounds:
            group_pass(group)
        rounds.append(status(other))

    turns.groups.run(group.pk, at_its_model)
    assert rounds == ["starting", "starting"]


@ON_POSTGRES
def test_what_comes_while_slots_are_given_out_is_looked_at_anew() -> None:
    seen = slots.load()
    found: list[Experiment] = []

    def late(load: slots.Load | None) -> None:
        if not found:
            found.extend(waiting())
            dispatching.serve_waiting()  # as another thread would
        serve(load)

    serve, dispatching._serve = dispatching._serve, late
    try:
        dispatching.serve_waiting(replace(seen, singles=True))
    finally:
        dispatching._serve = serve
    assert status(found[0]) == "starting"


@ON_POSTGRES
@pytest.mark.parametrize("slots_at_once", [1, 20])
def test_another_that_gives_out_slots_while_it_suggests_keeps_a_new_trial_waiting(
    slots_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyaxon.limits.slots", lambda: slots_at_once)
    group = learning()
    ended(trials(group)[0])
    algorithm = plan_of(ExperimentGroup.objects.get(pk=group.pk)).algorithm
    suggest = algorithm.suggest

    def late(*arguments: Any, **keys: Any) -> Any:
        waiting(content=experiment_content("sleep 100"))
        in_threads(1, lambda: dispatch(launching=True))
        return suggest(*arguments, **keys)

    monkeypatch.setattr(algorithm, "suggest", late)
    group_pass(group)
    _, second = trials(group)
    assert (second.status, second.attempt) == ("created", 0)
    assert history(second) == ["created"]
    assert not Token.objects.filter(run=second.uuid).exists()
    assert Experiment.objects.filter(status="starting").count() == 1
    assert dispatch() == (1 if slots_at_once > 1 else 0)


@ON_POSTGRES
def test_limits_of_users_and_projects_hold_for_new_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "_limits_are_set", lambda: True)
    group = learning()
    assert [trial.status for trial in trials(group)] == ["created"]


@ON_POSTGRES
def test_a_trial_of_an_archived_search_waits() -> None:
    group = learning()
    ended(trials(group)[0])
    ExperimentGroup.objects.filter(pk=group.pk).update(deleted=True)
    group_pass(group)
    assert [trial.status for trial in trials(group)] == ["succeeded", "created"]
    dispatch()
    assert trials(group)[1].status == "created"


@ON_POSTGRES
def test_a_trial_that_cannot_be_prepared_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(run: Experiment) -> Any:
        raise launching.Refused("no room for it")

    monkeypatch.setattr(starting.launching, "prepare", refused)
    group = learning()
    (trial,) = trials(group)
    assert (trial.status, history(trial)) == ("created", ["created"])
    until(lambda: status(trial) == "failed")
    assert "no room for it" in trial.status_message


@ON_POSTGRES
def test_two_processes_that_suggest_at_once_start_each_trial_once() -> None:
    group = search({**TPE, "concurrency": 4}, cmd="echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace")
    in_threads(4, lambda: groups._round(ExperimentGroup(pk=group.pk), dispatching=True))
    begun = [trial for trial in trials(group) if trial.status != "created"]
    assert 0 < len(begun) <= 4
    until(lambda: all(status(trial) == "succeeded" for trial in trials(group)))
    assert {trace(trial) for trial in trials(group)} == {"x\n"}
    assert {trial.attempt for trial in trials(group)} == {1}
    assert [trial.trial_index for trial in trials(group)] == list(range(group.experiments.count()))


def test_a_trial_is_launched_by_the_file_of_its_search_and_its_own_params() -> None:
    cmd = "echo {{ lr }} >> $POLYAXON_RUN_OUTPUTS_PATH/trace"
    group = search({"matrix": {"lr": {"values": [0.25, 0.5]}}, "concurrency": 2}, cmd=cmd)
    group_pass(group)
    until(lambda: all(status(trial) == "succeeded" for trial in trials(group)))
    assert sorted(map(trace, trials(group))) == ["0.25\n", "0.5\n"]


def test_what_is_left_waits_for_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyaxon.limits.slots", lambda: 2)
    several = waiting(3, experiment_content("sleep 100"))
    dispatch(launching=True)
    dispatch(launching=True)
    assert [status(run) == "created" for run in several] == [False, False, True]
    for run in several:
        request_stop(run, run.user)
    until(lambda: all(status(run) == "stopped" for run in several))
    reconcile.reconcile()
