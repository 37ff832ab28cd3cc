"""Runs that read the outputs of others: `environment.outputs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import storage
from polyaxon.actions.runs import archive
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.errors import InvalidInput
from scheduler.launch import launch_spec
from tests.factories import (
    EXPERIMENT,
    GROUP,
    JOB,
    NOTEBOOK,
    make_experiment,
    make_group,
    make_job,
    make_notebook,
    make_project,
    make_user,
)

if TYPE_CHECKING:
    from polyaxon.db.models import Job, Project

pytestmark = pytest.mark.django_db


def reading(text: str = EXPERIMENT, **outputs: list[Any]) -> str:
    """The file of a run that reads these."""
    return json.dumps({**json.loads(text), "environment": {"outputs": outputs}})


def paths(run: Experiment | Job) -> Any:
    run.attempt = 1
    return json.loads(launch_spec(run, "key").env["POLYAXON_REFS_OUTPUTS_PATHS"])


@pytest.fixture
def project() -> Project:
    return make_project(make_user("ada"), "digits")


def test_each_way_to_name_a_run(project: Project) -> None:
    named = make_experiment(project, name="best")
    other = make_experiment(make_project(project.user, "letters"), name="best")
    job = make_job(project)
    references = ["best", "digits/best", "ada.letters.best", named.pk, str(other.pk), f"ada/letters/{other.pk}"]
    run = make_experiment(project, content=reading(experiments=references, jobs=[job.pk]))
    local = storage.outputs().local_path
    assert paths(run) == {
        "jobs": [str(local(job.sub_path))],
        "experiments": [str(local(named.sub_path)), str(local(other.sub_path))],
    }


def test_one_that_reads_nothing_is_told_nothing(project: Project) -> None:
    run = make_experiment(project)
    run.attempt = 1
    assert "POLYAXON_REFS_OUTPUTS_PATHS" not in launch_spec(run, "key").env


def test_a_resumed_run_has_its_outputs_with_its_original(project: Project) -> None:
    first = make_experiment(project)
    resumed = make_experiment(project, original=first, cloning_strategy="resume")
    found = paths(make_job(project, content=reading(JOB, experiments=[resumed.pk])))
    assert found["experiments"] == [str(storage.outputs().local_path(first.sub_path))]


@pytest.mark.parametrize("reference", ["none", 10**9, "1" * 30, "a/b/c/d", "digits/", "eve.hidden.best"])
def test_what_is_not_there_or_not_theirs_is_refused(project: Project, reference: Any) -> None:
    make_experiment(make_project(make_user("eve"), "hidden", is_public=False), name="best")
    for make, text in ((make_experiment, EXPERIMENT), (make_job, JOB), (make_group, GROUP), (make_notebook, NOTEBOOK)):
        with pytest.raises(InvalidInput, match=r"environment\.outputs\.experiments: there is no experiment"):
            make(project, content=reading(text, experiments=[reference]))
    assert not Experiment.objects.filter(project=project).exists()
    assert not ExperimentGroup.objects.filter(project=project).exists()


def test_one_that_is_gone_when_it_starts_is_told(project: Project) -> None:
    read = make_experiment(project)
    run = make_experiment(project, content=reading(experiments=[read.pk]))
    archive(read, project.user)
    with pytest.raises(InvalidInput, match="there is no experiment"):
        paths(run)
