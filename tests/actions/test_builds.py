"""Builds are made once and found again."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from polyaxon.actions.builds import NewBuild, build_content, create_build, get_or_create_build, invalidate
from polyaxon.actions.plugins import NewPlugin, Target, start_notebook, start_tensorboard
from polyaxon.actions.runs import archive
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, CodeReference, NotebookJob, Project, TensorboardJob
from polyaxon_schemas import parse
from tests.factories import BUILD_FILE, NOTEBOOK, make_project


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


def needed(project: Project, content: str = BUILD_FILE, **fields: Any) -> tuple[BuildJob, bool]:
    assert project.user is not None
    return get_or_create_build(project, project.user, content, **{"code_reference": None, **fields})


def file(**keys: Any) -> str:
    return json.dumps({"version": 1, "kind": "build", "image": "python:3.11", **keys})


@pytest.mark.parametrize("statuses", [[], ["scheduled"], ["scheduled", "running"], ["running", "succeeded"]])
def test_a_build_under_way_or_succeeded_is_reused(project: Project, statuses: list[str]) -> None:
    first, new = needed(project)
    assert new
    for status in statuses:
        set_status(first, status)
    assert needed(project) == (first, False)


@pytest.mark.parametrize("end", ["failed", "stopped", "upstream_failed"])
def test_one_that_ended_otherwise_is_made_again(project: Project, end: str) -> None:
    first, _ = needed(project)
    set_status(first, end)
    second, new = needed(project)
    assert (new, second.pk != first.pk) == (True, True)
    assert needed(project) == (second, False)


def test_neither_are_unfit_and_archived_ones(project: Project) -> None:
    first, _ = needed(project)
    invalidate(first, None)
    second, new = needed(project)
    assert new
    archive(second, project.user)
    third, new = needed(project)
    assert (new, len({first.pk, second.pk, third.pk})) == (True, 3)


def test_content_and_code_decide(project: Project) -> None:
    first, _ = needed(project)
    assert needed(project, file())[0] == first
    assert needed(project, json.dumps(dict(reversed(json.loads(file()).items()))))[0] == first
    assert needed(project, file(build_steps=["make"]))[0] != first
    reference = CodeReference.objects.create(commit="a" * 40)
    assert needed(project, code_reference=reference)[0] != first
    assert needed(make_project())[0] != first


def test_builds_asked_for_by_hand_are_always_made_and_found_later(project: Project) -> None:
    assert project.user is not None
    made = [create_build(project, project.user, NewBuild(content=BUILD_FILE)) for _ in range(2)]
    assert made[0] != made[1]
    assert needed(project) == (made[1], False)


def test_nocache_builds_each_time(project: Project) -> None:
    content = file(nocache=True)
    assert needed(project, content)[0] != needed(project, content)[0]
    first, _ = needed(project)
    assert needed(project, nocache=True)[0] != first


@pytest.mark.parametrize("image", ["python", "python:latest", "host:5000/python"])
def test_latest_builds_each_time_if_so_configured(project: Project, settings: Any, image: str) -> None:
    content = json.dumps({"version": 1, "kind": "build", "image": image})
    assert needed(project, content)[0] == needed(project, content)[0]
    code = settings.CONFIG.code.model_copy(update={"build_jobs_always_pull_latest": True})
    settings.CONFIG = replace(settings.CONFIG, code=code)
    assert needed(project, content)[0] != needed(project, content)[0]
    assert needed(project)[0] == needed(project)[0]


def test_the_build_of_a_run_is_its_section_and_its_secrets() -> None:
    run = {
        "version": 1,
        "kind": "job",
        "build": {"image": "python:3.11", "build_steps": ["make"]},
        "environment": {"secret_refs": ["s"], "config_map_refs": ["c"], "resources": {"cpu": {"limits": 1}}},
        "run": {"cmd": "true"},
    }
    content = build_content(parse(run))
    assert content is not None
    assert json.loads(content) == {
        "version": 1,
        "kind": "build",
        "image": "python:3.11",
        "build_steps": ["make"],
        "environment": {"secret_refs": ["s"], "config_map_refs": ["c"]},
    }
    assert parse(content).kind == "build"
    assert build_content(parse({"version": 1, "kind": "experiment", "run": {"cmd": "true"}})) is None


@pytest.mark.django_db
def test_weakness_7_the_database_refuses_a_second_claim(project: Project) -> None:
    first, _ = needed(project)
    assert first.claim
    with pytest.raises(IntegrityError), transaction.atomic():
        BuildJob.objects.create(project=project, user=first.user, content=BUILD_FILE, claim=first.claim)


def at_once(count: int, do: Any) -> list[Any]:
    """Results of calls that begin at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(count)

    def call(_: int) -> Any:
        try:
            barrier.wait()
            return do()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


@pytest.mark.django_db(transaction=True)
def test_weakness_7_runs_at_once_get_one_build() -> None:
    project = make_project()
    results = at_once(6, lambda: needed(project))
    assert {build.pk for build, _ in results} == {BuildJob.objects.get().pk}
    assert [new for _, new in results].count(True) == 1


@pytest.mark.django_db(transaction=True)
def test_wart_10_starts_at_once_start_one() -> None:
    project = make_project()
    user = project.user
    assert user is not None
    notebooks = at_once(4, lambda: start_notebook(project, user, NewPlugin(content=NOTEBOOK)))
    assert [new for _, new in notebooks].count(True) == NotebookJob.objects.count() == 1
    boards = at_once(4, lambda: start_tensorboard(project, user, NewPlugin(), Target()))
    assert [new for _, new in boards].count(True) == TensorboardJob.objects.count() == 1
