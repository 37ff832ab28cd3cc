"""Runs whose file asks for more than an image get the build of one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hpsearch import Suggestion
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, CodeReference, Experiment, Project, Repo
from polyaxon.errors import InvalidInput
from tests.factories import make_build, make_experiment, make_group, make_job, make_notebook, make_project

pytestmark = pytest.mark.django_db

STEPS = {"image": "python:3.11", "build_steps": ["pip install numpy"]}


@pytest.fixture(autouse=True)
def _on_cluster(settings: Any) -> None:
    runner = settings.CONFIG.runner.model_copy(update={"runner_backend": "kubernetes"})
    settings.CONFIG = replace(settings.CONFIG, runner=runner)


@pytest.fixture
def project() -> Project:
    return make_project()


def content(kind: str = "experiment", **build: Any) -> str:
    run = {} if kind == "notebook" else {"run": {"cmd": "python train.py"}}
    return json.dumps({"version": 1, "kind": kind, "build": build, **run})


def experiment(project: Project, **fields: Any) -> Experiment:
    build = fields.pop("build", STEPS)
    return make_experiment(project, content=content(**build), **fields)


@pytest.mark.parametrize(
    "more", [{"build_steps": ["true"]}, {"env_vars": [["A", "b"]]}, {"lang_env": "en_US.UTF-8"}], ids=str
)
def test_whatever_the_image_does_not_bring_along_is_built(project: Project, more: dict[str, Any]) -> None:
    run = experiment(project, build={"image": "python:3.11", **more})
    assert run.build_job is not None
    built = json.loads(run.build_job.content or "")
    assert (built["kind"], built["image"]) == ("build", "python:3.11")
    assert more.items() <= built.items()


def test_an_image_alone_is_used_as_it_is(project: Project) -> None:
    assert experiment(project, build={"image": "python:3.11"}).build_job is None
    assert make_notebook(project).build_job is None
    assert make_experiment(project).build_job is None
    assert not BuildJob.objects.exists()


def test_all_kinds_share_one_build_of_the_same(project: Project) -> None:
    runs = [
        experiment(project),
        experiment(project),
        make_job(project, content=content("job", **STEPS)),
        make_notebook(project, content=content("notebook", **STEPS)),
    ]
    assert {run.build_job_id for run in runs} == {BuildJob.objects.get().pk}
    assert experiment(project, build={**STEPS, "lang_env": "C"}).build_job_id != runs[0].build_job_id


def test_other_code_is_another_image(project: Project) -> None:
    repo = Repo.objects.create(project=project)
    first, second = (CodeReference.objects.create(repo=repo, commit=digit * 40) for digit in "ab")
    builds = [experiment(project, code_reference=each).build_job_id for each in (first, second, first)]
    assert builds[0] == builds[2] != builds[1]


def test_nocache_builds_anew(project: Project) -> None:
    builds = {experiment(project, build={**STEPS, "nocache": True}).build_job_id for _ in range(2)}
    assert len(builds) == 2


@pytest.mark.parametrize(("status", "is_reused"), [("succeeded", True), ("running", True), ("failed", False)])
def test_what_has_failed_is_not_waited_for(project: Project, status: str, is_reused: bool) -> None:
    first = experiment(project).build_job
    assert first is not None
    set_status(first, "scheduled")
    set_status(first, status)
    assert (experiment(project).build_job_id == first.pk) is is_reused


def test_a_ref_names_a_build_of_the_project(project: Project) -> None:
    named = make_build(project, name="base")
    for ref in (named.pk, "base", str(named.pk)):
        assert experiment(project, build={"ref": ref}).build_job_id == named.pk
    for ref in (make_build(make_project()).pk, "other"):
        with pytest.raises(InvalidInput, match=r"build\.ref: the project has no build"):
            experiment(project, build={"ref": ref})


def test_a_clone_waits_for_the_image_of_its_own_file(project: Project) -> None:
    run = experiment(project)
    assert clone_experiment(run, run.user, "restart").build_job_id == run.build_job_id
    changed = json.dumps({"build": {"build_steps": ["pip install torch"]}})
    assert clone_experiment(run, run.user, "restart", content=changed).build_job_id != run.build_job_id


@pytest.mark.parametrize("more", [{}, {"nocache": True}], ids=["cached", "nocache"])
def test_the_trials_of_a_search_share_one_build(project: Project, more: dict[str, Any]) -> None:
    file = {
        "version": 1,
        "kind": "group",
        "hptuning": {"matrix": {"lr": {"values": [1, 2, 3]}}},
        "build": {**STEPS, **more},
        "run": {"cmd": "python train.py {{ lr }}"},
    }
    group = make_group(project, content=json.dumps(file))
    set_status(group, "running")
    for index in range(3):
        given = Suggestion(index, {"lr": index})
        add_trials(group, [given], complete=False)
    assert BuildJob.objects.count() == 1
    assert set(group.experiments.values_list("build_job", flat=True)) == {BuildJob.objects.get().pk}


def test_the_local_runner_has_no_images(project: Project, settings: Any) -> None:
    runner = settings.CONFIG.runner.model_copy(update={"runner_backend": "local"})
    settings.CONFIG = replace(settings.CONFIG, runner=runner)
    assert experiment(project).build_job is None
