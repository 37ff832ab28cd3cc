"""What must not happen however the passes interleave with each other, with people and with the end of the server."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from hpsearch import Decision, MemoryHistory
from polyaxon import storage
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.groups import stop_group
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.runs import archive, request_stop
from polyaxon.db.models import (
    Experiment,
    ExperimentGroup,
    ExperimentJob,
    Job,
    MetricBatch,
    MetricSeries,
    Token,
)
from polyaxon.security import tokens
from polyaxon.trials import plan_of
from scheduler import turns
from scheduler.configured import configured_runner
from scheduler.passes import groups, launching, reconcile, transitions
from scheduler.passes import runs as run_passes
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group
from scheduler.passes.runs import advance
from scheduler.runners.base import Closing, LaunchSpec, Observation, Phase, RunnerError, StopReason
from scheduler.runners.local.runner import LocalRunner
from tests.contents import WAITS, experiment_content, group_content, job_content
from tests.factories import make_experiment, make_group, make_job, make_metrics, make_selection

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = experiment_content("sleep 100")
BEGINS = 'touch "$POLYAXON_RUN_OUTPUTS_PATH/traps"'


def until(condition: Callable[[], bool], timeout: float = 90.0) -> None:
    """Reconcile until `condition` holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        reconcile.reconcile()
        time.sleep(0.02)


def status(row: Experiment | Job | ExperimentGroup) -> str:
    row.refresh_from_db()
    return row.status


def running(content: str = SLOW, **fields: Any) -> Experiment:
    experiment = make_experiment(content=content, **fields)
    until(lambda: status(experiment) == "running")
    return experiment


def outputs_of(run: Experiment) -> Path:
    return storage.outputs().local_path(run.sub_path)


def let_go(run: Experiment) -> None:
    """Let a run go on whose command waits for that."""
    (outputs_of(run) / "go").touch()


def in_threads(number: int, work: Callable[[], object]) -> list[object]:
    def closing() -> object:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return [future.result() for future in [pool.submit(closing) for _ in range(number)]]


# -- one run --


def test_a_pass_that_looked_before_the_launch_does_not_take_the_run_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It saw that nothing had begun; another pass then launched the run, which runs by the time the row is read."""
    experiment = make_experiment(content=SLOW)
    dispatch()
    stale = Experiment.objects.get(pk=experiment.pk)
    seen = threading.Event()
    go_on = threading.Event()
    observe = LocalRunner.observe

    def stalled(self: LocalRunner, run: str, attempt: int) -> Observation:
        result = observe(self, run, attempt)
        if threading.current_thread().name == "stalled":
            seen.set()
            go_on.wait(100)
        return result

    monkeypatch.setattr(LocalRunner, "observe", stalled)
    thread = threading.Thread(target=lambda: (advance(stale), connections.close_all()), name="stalled")
    thread.start()
    assert seen.wait(60)
    for _ in range(5):
        advance(Experiment.objects.get(pk=experiment.pk))
        time.sleep(0.1)
    go_on.set()
    thread.join()
    until(lambda: status(experiment) == "running")
    assert "failed" not in experiment.statuses.values_list("status", flat=True)


def test_many_passes_at_once_start_a_run_once() -> None:
    experiment = make_experiment(content=experiment_content("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace; sleep 1"))
    dispatch()
    in_threads(6, lambda: advance(Experiment.objects.get(pk=experiment.pk)))
    until(lambda: status(experiment) == "succeeded")
    trace = storage.outputs().local_path(experiment.sub_path) / "trace"
    assert trace.read_text() == "x\n"
    statuses = list(experiment.statuses.values_list("status", flat=True))
    assert statuses == ["created", "scheduled", "starting", "running", "succeeded"]


def test_what_was_seen_of_one_attempt_says_nothing_of_the_next() -> None:
    experiment = running()
    stale = Experiment.objects.get(pk=experiment.pk)
    Experiment.objects.filter(pk=experiment.pk).update(attempt=2, status="scheduled")
    transitions.move(stale, "running")
    transitions.move(stale, "failed", message="of the first attempt")
    assert status(experiment) == "scheduled"
    configured_runner().stop(experiment.uuid.hex, 1, StopReason.USER, 0)


def test_a_run_that_was_stopped_while_it_waited_for_the_dispatcher_stays_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    experiment = make_experiment(content=SLOW)
    from scheduler.passes import dispatch as module

    chosen = module.slots.waiting(5)
    request_stop(experiment, experiment.user)
    monkeypatch.setattr(module.slots, "waiting", lambda *_: chosen)
    assert module.dispatch() == 0
    assert status(experiment) == "stopped"


def test_a_stop_before_the_launch_keeps_a_late_launch_from_starting_it() -> None:
    experiment = make_experiment(content=experiment_content("echo x > $POLYAXON_RUN_OUTPUTS_PATH/trace"))
    dispatch()
    late = launching.launch_spec(Experiment.objects.get(pk=experiment.pk), "key")
    request_stop(experiment, experiment.user)
    until(lambda: status(experiment) == "stopped")
    configured_runner().submit(late)
    time.sleep(0.3)
    assert not (late.outputs_path / "trace").exists()


def test_trouble_that_may_pass_is_shown_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    submit = LocalRunner.submit
    trouble: list[Exception] = [RunnerError("no room"), OSError(28, "No space left on device")]

    def troubled(self: LocalRunner, spec: LaunchSpec) -> None:
        if trouble:
            raise trouble.pop()
        submit(self, spec)

    monkeypatch.setattr(LocalRunner, "submit", troubled)
    experiment = make_experiment(content=experiment_content("true"))
    until(lambda: status(experiment) == "succeeded")
    history = list(experiment.statuses.values_list("status", "message"))
    assert [entry[0] for entry in history] == [
        *("created", "scheduled", "starting", "warning", "starting", "running", "succeeded")
    ]
    assert "No space left on device" in str(history[3][1])


def test_trouble_that_does_not_pass_ends_the_run_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def troubled(self: LocalRunner, spec: LaunchSpec) -> None:
        raise RunnerError("the repository is broken")

    monkeypatch.setattr(LocalRunner, "submit", troubled)
    experiment = make_experiment(content=SLOW)
    reconcile.reconcile()
    assert status(experiment) == "warning"
    experiment.statuses.filter(status="scheduled").update(created_at=timezone.now() - run_passes.PATIENCE * 2)
    reconcile.reconcile()
    assert status(experiment) == "failed"
    assert "the repository is broken" in experiment.status_message


def test_a_defect_of_the_platform_fails_the_run_instead_of_hanging_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(run: object, token: str) -> LaunchSpec:
        raise KeyError("something")

    monkeypatch.setattr(launching, "launch_spec", defective)
    experiment = make_experiment(content=SLOW)
    reconcile.reconcile()
    assert status(experiment) == "failed"
    assert "KeyError" in experiment.status_message


def test_a_locked_database_does_not_fail_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(run: object, token: str) -> LaunchSpec:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(launching, "launch_spec", locked)
        experiment = make_experiment(content=experiment_content("true"))
        reconcile.reconcile()
        assert status(experiment) == "scheduled"
    until(lambda: status(experiment) == "succeeded")


def test_a_slow_launch_does_not_keep_the_others_from_being_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = running(experiment_content(WAITS))
    slow = make_experiment(content=SLOW)
    submit = LocalRunner.submit
    launched = threading.Event()
    go_on = threading.Event()

    def slowly(self: LocalRunner, spec: LaunchSpec) -> None:
        launched.set()
        go_on.wait(100)
        submit(self, spec)

    monkeypatch.setattr(LocalRunner, "submit", slowly)
    dispatch()
    worker = threading.Thread(target=lambda: (advance(Experiment.objects.get(pk=slow.pk)), connections.close_all()))
    worker.start()
    assert launched.wait(60)
    let_go(quick)
    deadline = time.monotonic() + 60
    while status(quick) != "succeeded" and time.monotonic() < deadline:
        reconcile.sync()
        time.sleep(0.05)
    assert status(quick) == "succeeded"
    assert status(slow) == "starting"
    go_on.set()
    worker.join()


def test_nothing_is_started_once_the_server_is_ending() -> None:
    experiment = make_experiment(content=SLOW)
    dispatch()
    runner = configured_runner()
    assert runner.shutdown(0.1) == []
    advance(Experiment.objects.get(pk=experiment.pk))
    assert status(experiment) == "starting"
    with pytest.raises(Closing):
        runner.submit(replace(launching.launch_spec(experiment, "key"), attempt=1))
    runner.reopen()
    until(lambda: status(experiment) == "running")


def test_an_interruption_stands_in_the_history_with_its_time() -> None:
    experiment = running()
    runner = configured_runner()
    runner.shutdown(0.5)
    runner.reopen()
    ended = runner.observe(experiment.uuid.hex, 1).finished_at
    until(lambda: status(experiment) == "running" and experiment.attempt == 2)
    history = list(experiment.statuses.values_list("status", "created_at"))
    assert [entry[0] for entry in history][3:] == ["running", "warning", "scheduled", "starting", "running"]
    assert history[4][1] == ended


def test_the_steady_state_of_experiments_costs_one_query(django_assert_num_queries: Any) -> None:
    for _ in range(2):
        running()
    with django_assert_num_queries(1):
        reconcile.sync()


def test_what_else_there_is_costs_one_query_and_one_for_each_kind(django_assert_num_queries: Any) -> None:
    running()
    job = make_job(content=job_content("sleep 100"))
    until(lambda: status(job) == "running")
    with django_assert_num_queries(3):
        reconcile.sync()


def test_a_stray_that_cannot_be_cleaned_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = configured_runner()
    for name in ("0" * 32, "1" * 32):
        runner.stop(name, 1, StopReason.USER, 0)
    clean = LocalRunner.clean

    def broken(self: LocalRunner, run: str) -> None:
        if run == "0" * 32:
            raise PermissionError(13, "Permission denied")
        clean(self, run)

    with monkeypatch.context() as patched:
        patched.setattr(LocalRunner, "clean", broken)
        reconcile.end_strays()
        assert [name for name in runner.kept() if name in {"0" * 32, "1" * 32}] == ["0" * 32]
    reconcile.end_strays()
    assert "0" * 32 not in runner.kept()


def test_a_finished_run_is_cleaned_later_and_never_runs_again() -> None:
    experiment = make_experiment(content=experiment_content("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace"))
    dispatch()
    stale = Experiment.objects.get(pk=experiment.pk)
    until(lambda: status(experiment) == "succeeded")
    Experiment.objects.filter(pk=experiment.pk).update(finished_at=timezone.now() - run_passes.KEPT_AFTER_END * 2)
    reconcile.end_strays()
    assert experiment.uuid.hex not in configured_runner().kept()
    advance(stale)
    time.sleep(0.3)
    assert (storage.outputs().local_path(experiment.sub_path) / "trace").read_text() == "x\n"


def test_one_thread_at_a_time_has_a_turn() -> None:
    several = turns.Turns()
    with several.take("a") as first, several.take("a") as second, several.take("b") as other:
        assert (first, second, other) == (True, False, True)
    with several.take("a") as again:
        assert again


# -- tokens --


def test_the_token_of_a_run_that_has_ended_does_not_outlive_it() -> None:
    experiment = make_experiment(content=experiment_content("true"))
    open_run = make_experiment(content=SLOW)
    until(lambda: status(experiment) == "succeeded")
    late, wanted = tokens.issue(experiment.user, run=experiment.uuid), tokens.issue(open_run.user, run=open_run.uuid)
    reconcile.forget_tokens()
    assert tokens.find(late) is None
    assert tokens.find(wanted) is not None


# -- searches --


def suggested(group: ExperimentGroup) -> Decision:
    return plan_of(group).algorithm.suggest(MemoryHistory())


def test_concurrent_passes_of_a_search_add_each_trial_once() -> None:
    group = make_group(content=group_content(n=12))
    in_threads(4, lambda: groups._round(ExperimentGroup(pk=group.pk), dispatching=False))
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == list(range(12))
    assert list(group.iterations.values_list("number", flat=True)) == [0]


def test_a_late_decision_adds_nothing_to_a_search_that_was_stopped() -> None:
    """The trials would wait for ever, since nobody dispatches those of a stopped search."""
    group = make_group(content=group_content(n=3))
    decision = suggested(group)
    request_stop(group, group.user)
    assert add_trials(group, decision.suggestions, complete=True) == []
    until(lambda: status(group) == "stopped")
    assert group.experiments.count() == 0


def test_a_late_decision_does_not_reopen_a_search_whose_pending_trials_were_stopped() -> None:
    group = make_group(content=group_content(n=3))
    decision = suggested(group)
    stop_group(group, group.user, pending_only=True)
    add_trials(group, decision.suggestions, complete=False)
    assert group.suggestions_complete
    until(lambda: status(group) == "done")
    assert group.experiments.count() == 0


def test_trials_of_a_search_that_failed_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    group = make_group(content=group_content("sleep 100; echo {{ lr }}", n=3, concurrency=1))
    advance_group(group)

    def broken(*_: object, **__: object) -> None:
        raise ValueError("no sense")

    monkeypatch.setattr(groups, "ends_early", broken)
    advance_group(group)
    assert status(group) == "failed"
    assert set(group.experiments.values_list("status", flat=True)) == {"stopped"}


def test_pending_trials_of_a_search_that_is_over_are_found() -> None:
    group = make_group(content=group_content(n=2))
    advance_group(group)
    ExperimentGroup.objects.filter(pk=group.pk).update(status="failed")  # killed between this and the trials
    reconcile.reconcile()
    assert set(group.experiments.values_list("status", flat=True)) == {"stopped"}


def test_a_restarted_trial_runs_although_its_search_is_over() -> None:
    group = make_group(content=group_content("echo {{ lr }}", n=1))
    until(lambda: status(group) == "done")
    trial = group.experiments.get()
    clone = clone_experiment(trial, trial.user, "restart")
    assert clone.experiment_group_id == group.pk
    until(lambda: status(clone) == "succeeded")
    assert status(group) == "done"


def test_a_deleted_trial_is_not_suggested_again() -> None:
    group = make_group(content=group_content("sleep 0.1; echo {{ lr }}", n=3, concurrency=1))
    advance_group(group)
    ExperimentGroup.objects.filter(pk=group.pk).update(suggestions_complete=False)
    victim = group.experiments.get(trial_index=1)
    archive(victim, victim.user, delete=True)
    until(lambda: status(group) == "done")
    until(lambda: not Experiment.objects.filter(pk=victim.pk).exists())
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == [0, 2]


def test_an_archived_selection_neither_hangs_nor_stops_its_members() -> None:
    experiment = running()
    selection = make_selection(experiment.project, experiment)
    archive(selection, selection.user)
    reconcile.reconcile()
    assert status(selection) == "created"
    assert status(experiment) == "running"
    archive(selection, selection.user, delete=True)
    until(lambda: not ExperimentGroup.objects.filter(pk=selection.pk).exists())
    assert status(experiment) == "running"


def test_an_archived_search_ends_with_its_trials() -> None:
    group = make_group(content=group_content("sleep 100; echo {{ lr }}", n=3, concurrency=1))
    until(lambda: group.experiments.filter(status="running").exists())
    archive(group, group.user)
    until(lambda: status(group) == "stopped")
    assert set(group.experiments.values_list("status", flat=True)) == {"stopped"}


# -- deleting --


def test_a_running_run_is_ended_before_it_is_deleted_and_leaves_nothing() -> None:
    experiment = running(experiment_content(f"trap '{WAITS}; exit' TERM; {BEGINS}; sleep 100 & wait"))
    until((outputs_of(experiment) / "traps").exists)
    make_metrics(experiment, {"loss": 1.0})
    MetricBatch.objects.create(run=experiment.uuid, batch=experiment.uuid)
    from monitors.usage import sample_usage

    assert sample_usage() == 1
    uuids = [experiment.uuid, experiment.jobs.get().uuid]
    outputs = outputs_of(experiment)
    archive(experiment, experiment.user, delete=True)
    reconcile.reconcile()
    assert Experiment.objects.filter(pk=experiment.pk).exists(), "a process of it still lives"
    let_go(experiment)
    until(lambda: not Experiment.objects.filter(pk=experiment.pk).exists())
    assert not outputs.exists()
    assert experiment.uuid.hex not in configured_runner().kept()
    for model in (MetricSeries, MetricBatch, Token):
        assert not model._default_manager.filter(run__in=uuids).exists()
    assert not ExperimentJob.objects.filter(uuid__in=uuids).exists()


def test_an_original_is_not_deleted_under_a_resumed_run() -> None:
    original = make_experiment(content=experiment_content("echo x > $POLYAXON_RUN_OUTPUTS_PATH/file"))
    until(lambda: status(original) == "succeeded")
    resumed = clone_experiment(original, original.user, "resume", content=SLOW)
    until(lambda: status(resumed) == "running")
    archive(original, original.user, delete=True)
    reconcile.reconcile()
    assert (storage.outputs().local_path(original.sub_path) / "file").exists()
    request_stop(resumed, resumed.user)
    until(lambda: not Experiment.objects.filter(pk=original.pk).exists())
    assert status(resumed) == "stopped"


def test_what_came_into_a_project_while_it_was_archived_is_archived_too() -> None:
    experiment = make_experiment(content=SLOW)
    project = experiment.project
    type(project).objects.filter(pk=project.pk).update(deleted=True)
    reconcile.reconcile()
    experiment.refresh_from_db()
    assert experiment.deleted
    assert experiment.status == "stopped"


def test_a_lost_state_folder_fails_the_run() -> None:
    experiment = running()
    runner = configured_runner()
    runner.stop(experiment.uuid.hex, 1, StopReason.USER, 0)
    deadline = time.monotonic() + 60
    while runner.observe(experiment.uuid.hex, 1).phase is not Phase.EXITED and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(storage.runs_root() / experiment.uuid.hex)
    until(lambda: status(experiment) == "failed")
    assert "state is gone" in experiment.status_message
