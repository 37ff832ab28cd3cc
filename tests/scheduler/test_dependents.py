"""Runs that wait for a build move when it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from polyaxon.actions.runs import archive, request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, Experiment, Job
from scheduler import tasks
from scheduler.passes import queue, reconcile
from scheduler.passes.dependents import follow_builds
from scheduler.passes.dispatch import dispatch
from tests.contents import experiment_content
from tests.factories import make_build, make_experiment, make_job, make_notebook, make_project
from tests.scheduler.test_passes import settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def build() -> BuildJob:
    """One that somebody else makes, so that its statuses are what they say."""
    build = make_build(make_project(), is_managed=False)
    set_status(build, "running", enforce=False)
    return build


def make(kind: str, build: BuildJob) -> Experiment | Job:
    if kind == "job":
        return make_job(build.project, build_job=build)
    return make_experiment(build.project, build_job=build, content=experiment_content("echo built"))


def after(step: Any, row: Any) -> str:
    step()
    row.refresh_from_db()
    return str(row.status)


@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_it_waits_without_a_slot_until_the_build_ends(kind: str, build: BuildJob) -> None:
    run = make(kind, build)
    for _ in range(2):
        assert after(reconcile.reconcile, run) == "building"
    assert run.status_message == f"Waits for build {build.pk}."
    assert (queue.count_active(), run.attempt) == (0, 0)
    assert list(run.statuses.values_list("status", flat=True)) == ["created", "building"]


def test_a_succeeded_build_sets_its_runs_going(build: BuildJob) -> None:
    run = make("experiment", build)
    follow_builds()
    set_status(build, "succeeded", enforce=False)
    settle(run)
    statuses = list(run.statuses.values_list("status", flat=True))
    assert statuses == ["created", "building", "scheduled", "starting", "running", "succeeded"]


def test_a_run_of_a_build_that_has_succeeded_waits_for_nothing(build: BuildJob) -> None:
    set_status(build, "succeeded", enforce=False)
    run = make("job", build)
    follow_builds()
    assert after(dispatch, run) == "scheduled"


@pytest.mark.parametrize("kind", ["experiment", "job"])
@pytest.mark.parametrize("waited", [True, False])
@pytest.mark.parametrize(
    ("ended", "becomes"),
    [("failed", "failed"), ("upstream_failed", "failed"), ("stopped", "stopped"), ("skipped", "stopped")],
)
def test_its_runs_end_with_it_and_say_why(kind: str, waited: bool, ended: str, becomes: str, build: BuildJob) -> None:
    run = make(kind, build)
    if waited:
        follow_builds()
    set_status(build, ended, message="pip found no version", enforce=False)
    assert after(tasks.dispatch_pass, run) == becomes
    assert f"Build {build.pk}, whose image this needs" in run.status_message
    assert run.status_message.endswith("pip found no version")
    assert run.attempt == 0


def test_the_runs_of_a_build_that_the_local_runner_cannot_make_say_so() -> None:
    build = make_build(make_project())
    run = make("experiment", build)
    settle(run)
    assert run.status == "failed"
    assert "builds no images" in run.status_message


def test_archiving_a_build_ends_what_waits_for_it(build: BuildJob) -> None:
    run = make("job", build)
    follow_builds()
    archive(build, build.user)
    assert after(reconcile.reconcile, run) == "stopped"


@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_stopping_one_that_waits_stops_it_at_once(kind: str, build: BuildJob) -> None:
    run = make(kind, build)
    follow_builds()
    request_stop(run)
    assert run.status == "stopped"
    set_status(build, "succeeded", enforce=False)
    assert after(reconcile.reconcile, run) == "stopped"


def test_what_runs_already_does_not_mind_its_build(build: BuildJob) -> None:
    set_status(build, "succeeded", enforce=False)
    run = make("job", build)
    dispatch()
    set_status(build, "failed", enforce=False)
    assert after(follow_builds, run) == "scheduled"


def test_notebooks_follow_their_build(settings: Any) -> None:
    on_cluster = settings.CONFIG.runner.model_copy(update={"runner_backend": "kubernetes"})
    settings.CONFIG = replace(settings.CONFIG, runner=on_cluster)
    content = '{"version": 1, "kind": "notebook", "build": {"image": "a", "build_steps": ["true"]}}'
    notebook = make_notebook(make_project(), content=content)
    assert notebook.build_job is not None
    assert after(follow_builds, notebook) == "building"
    set_status(notebook.build_job, "failed", message="no such image")
    assert after(follow_builds, notebook) == "failed"
    assert "no such image" in notebook.status_message


@pytest.mark.parametrize("status", ["building", "resuming"])
@pytest.mark.parametrize("make", [make_experiment, make_job])
def test_what_was_launched_never_waits_again(make: Any, status: str) -> None:
    run = make(make_project())
    dispatch()
    set_status(run, "warning", message="the disk is nearly full")
    assert set_status(run, status) is None, "it would be launched a second time beside the first"
    assert after(dispatch, run) == "warning"
    assert run.attempt == 1
