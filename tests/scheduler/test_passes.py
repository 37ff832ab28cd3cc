"""Passes with the real local runner: what must hold whoever calls them, and how often."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from monitors.usage import sample_usage
from polyaxon import storage
from polyaxon.actions import code
from polyaxon.actions.groups import stop_group
from polyaxon.actions.runs import archive, request_stop
from polyaxon.db.models import Experiment, ExperimentGroup, Job, MetricSeries
from polyaxon.settings.config import load
from scheduler.configured import configured_runner
from scheduler.passes import queue, reconcile
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group
from scheduler.passes.runs import advance
from tests.contents import WAITS, experiment_content, group_content, tar_gz
from tests.factories import make_experiment, make_group, make_job, make_project

pytestmark = pytest.mark.django_db(transaction=True)
JOB = '{"version": 1, "kind": "job", "build": {"image": "a"}, "run": {"cmd": "true"}}'
DONE = {"succeeded", "failed", "stopped"}


def settle(*runs: Experiment | Job | ExperimentGroup, timeout: float = 100.0) -> None:
    """Reconcile until all are done: no wake-up ever arrives here."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        reconcile.reconcile()
        for run in runs:
            run.refresh_from_db()
        if all(run.is_done for run in runs):
            return
        time.sleep(0.05)
    raise AssertionError([(run, run.status, run.status_message) for run in runs])


def test_a_run_goes_its_way_without_a_single_wake_up() -> None:
    experiment = make_experiment(content=experiment_content("echo hello"))
    settle(experiment)
    statuses = list(experiment.statuses.values_list("status", flat=True))
    assert statuses == ["created", "scheduled", "starting", "running", "succeeded"]
    assert experiment.jobs.get().status == "succeeded"


def test_a_job_goes_its_way() -> None:
    job = make_job(content='{"version": 1, "kind": "job", "build": {"image": "a"}, "run": {"cmd": "exit 3"}}')
    settle(job)
    assert job.status == "failed"
    assert "3" in job.status_message


def test_a_run_has_the_code_of_its_commit() -> None:
    project = make_project()
    assert project.user is not None
    code.upload(project, project.user, tar_gz({"say.sh": "exit 0"}))
    experiment = make_experiment(project, content=experiment_content("sh say.sh"))
    code.upload(project, project.user, tar_gz({"say.sh": "exit 1"}))
    settle(experiment)
    assert experiment.status == "succeeded"


def test_no_more_runs_at_once_than_slots() -> None:
    runs = [make_experiment(content=experiment_content("sleep 0.4")) for _ in range(5)]
    with override_settings(CONFIG=_with_concurrency(2)):
        most = 0
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and not all(run.is_done for run in runs):
            reconcile.reconcile()
            most = max(most, queue.count_active())
            for run in runs:
                run.refresh_from_db()
            time.sleep(0.02)
    assert most == 2
    assert {run.status for run in runs} == {"succeeded"}


def _with_concurrency(number: int) -> object:
    import os

    os.environ["POLYAXON_LOCAL_CONCURRENCY"] = str(number)
    try:
        return load()
    finally:
        del os.environ["POLYAXON_LOCAL_CONCURRENCY"]


def test_a_stale_pass_does_not_start_a_finished_run_again() -> None:
    experiment = make_experiment(content=experiment_content("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace"))
    dispatch()
    stale = Experiment.objects.get(pk=experiment.pk)
    assert stale.status == "scheduled"
    settle(experiment)
    advance(stale)
    advance(Experiment.objects.get(pk=experiment.pk))
    time.sleep(0.3)
    assert (storage.outputs().local_path(experiment.sub_path) / "trace").read_text() == "x\n"


def test_a_search_runs_all_its_trials_within_its_concurrency() -> None:
    group = make_group(content=group_content("sleep 0.2; echo {{ lr }}", n=5, concurrency=2))
    most = 0
    deadline = time.monotonic() + 100
    with override_settings(CONFIG=_with_concurrency(8)):
        while time.monotonic() < deadline and not group.is_done:
            reconcile.reconcile()
            most = max(most, queue.count_active())
            group.refresh_from_db()
            time.sleep(0.02)
    assert group.status == "done"
    assert most == 2
    assert list(group.experiments.values_list("status", flat=True)) == ["succeeded"] * 5


def test_a_search_whose_trials_all_failed_has_failed() -> None:
    """Weakness 11 of 0.6: such a group was `done`."""
    group = make_group(content=group_content("exit 1; echo {{ lr }}", n=2))
    settle(group)
    assert group.status == "failed"
    assert "2" in group.status_message


def test_a_stopped_search_stops_its_trials() -> None:
    group = make_group(content=group_content("sleep 100; echo {{ lr }}", n=3, concurrency=1))
    advance_group(group)
    reconcile.reconcile()
    request_stop(group, group.user)
    settle(group)
    assert group.status == "stopped"
    assert set(group.experiments.values_list("status", flat=True)) == {"stopped"}


def test_stop_pending_leaves_the_running_trials_alone() -> None:
    """Wart 9 of 0.6: it ended the group and with it the running trials."""
    group = make_group(content=group_content(f"{WAITS}; echo {{{{ lr }}}}", n=3, concurrency=1))
    deadline = time.monotonic() + 60
    while not group.experiments.filter(status="running").exists() and time.monotonic() < deadline:
        reconcile.reconcile()
    stop_group(group, group.user, pending_only=True)
    trial = group.experiments.get(status="running")
    (storage.outputs().local_path(trial.sub_path) / "go").touch()
    settle(group)
    assert group.status == "done"
    assert sorted(group.experiments.values_list("status", flat=True)) == ["stopped", "stopped", "succeeded"]


def test_a_stop_ends_a_running_command() -> None:
    experiment = make_experiment(content=experiment_content("sleep 100"))
    deadline = time.monotonic() + 60
    while experiment.status != "running" and time.monotonic() < deadline:
        reconcile.reconcile()
        experiment.refresh_from_db()
    request_stop(experiment, experiment.user)
    settle(experiment)
    assert experiment.status == "stopped"


def test_a_file_that_cannot_be_started_fails_with_the_reason() -> None:
    experiment = make_experiment(content='{"version": 1, "kind": "experiment"}')
    settle(experiment)
    assert experiment.status == "failed"
    assert "run.cmd" in experiment.status_message


def test_deleting_removes_the_run_its_rows_and_its_files() -> None:
    experiment = make_experiment(content=experiment_content("echo x > $POLYAXON_RUN_OUTPUTS_PATH/file"))
    settle(experiment)
    outputs = storage.outputs().local_path(experiment.sub_path)
    assert (outputs / "file").exists()
    archive(experiment, experiment.user, delete=True)
    reconcile.reconcile()
    assert not Experiment.objects.filter(pk=experiment.pk).exists()
    assert not outputs.exists()


def test_resources_are_sampled_while_it_runs() -> None:
    experiment = make_experiment(content=experiment_content(WAITS))
    begun = storage.outputs().local_path(experiment.sub_path) / "begun"
    deadline = time.monotonic() + 60
    while not (experiment.status == "running" and begun.exists()) and time.monotonic() < deadline:
        reconcile.reconcile()
        experiment.refresh_from_db()
    assert sample_usage() == 1
    series = MetricSeries.objects.filter(run=experiment.jobs.get().uuid, kind="resource")
    memory = series.get(name="memory_bytes")
    assert memory.last is not None
    assert memory.last > 100_000
    assert set(series.values_list("name", flat=True)) == {"cpu_percent", "memory_bytes", "processes"}


@pytest.mark.parametrize(("ttl", "kept"), [(0, False), (None, True), (600, True)])
def test_what_a_run_leaves_is_kept_for_its_ttl(ttl: int | None, *, kept: bool) -> None:
    job = make_job(content=JOB, ttl=ttl)
    settle(job)
    reconcile.tidy_up()
    assert (job.uuid.hex in configured_runner().kept()) is kept


@pytest.mark.parametrize(("ttl", "kept"), [(None, False), (600, True), (200, False)])
def test_a_ttl_outlasts_the_runner_s_own_time(ttl: int | None, *, kept: bool) -> None:
    job = make_job(content=JOB, ttl=ttl)
    settle(job)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(seconds=400))
    reconcile.tidy_up()
    assert (job.uuid.hex in configured_runner().kept()) is kept
