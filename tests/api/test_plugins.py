"""Notebooks and tensorboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.db.models import Experiment, ExperimentGroup, NotebookJob, Project, TensorboardJob, Token
from polyaxon.options import OPTIONS, forget_cached, remove, write
from tests.api.conftest import P, client_of, url
from tests.api.test_repos import archive, upload
from tests.factories import (
    EXPERIMENT,
    NOTEBOOK,
    make_experiment,
    make_group,
    make_notebook,
    make_project,
    make_tensorboard,
)

if TYPE_CHECKING:
    from rest_framework.test import APIClient

N, T = f"{P}/notebooks", f"{P}/tensorboards"
LISTED = {
    *("id", "uuid", "name", "unique_name", "pod_id", "build_job", "node_scheduled", "user", "description"),
    *("created_at", "updated_at", "started_at", "finished_at", "last_status", "tags", "project"),
}
STARTED = {
    *("id", "user", "name", "description", "project", "unique_name", "content", "pod_id", "build_job"),
    *("last_status", "tags"),
}


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    yield
    forget_cached()


def start(client: APIClient, path: str = f"{P}/notebook", **body: Any) -> Any:
    return client.post(f"{path}/start", body, format="json")


@pytest.fixture
def notebook(project: Project) -> NotebookJob:
    return make_notebook(project)


@pytest.fixture
def group(project: Project) -> ExperimentGroup:
    return make_group(project)


def test_a_notebook_is_started_once(client: APIClient, project: Project) -> None:
    first = start(client, content=NOTEBOOK, name="lab", tags=["a"])
    assert first.status_code == 201
    body = first.json()
    assert set(body) == STARTED | {"data_refs"}
    assert body["unique_name"] == f"olga.digits.notebooks.{body['id']}"
    assert (body["last_status"], body["pod_id"]) == ("created", f"plx-notebook-{NotebookJob.objects.get().uuid.hex}")
    assert body["build_job"] is None  # it runs on this machine, in no image


def test_wart_10_a_second_start_finds_the_first_and_a_stop_stops_it(client: APIClient, project: Project) -> None:
    first = start(client, content=NOTEBOOK)
    again = start(client, content=NOTEBOOK)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert client.post(f"{P}/notebook/stop", {"commit": False}, format="json").status_code == 200
    assert NotebookJob.objects.get().status == "stopped"
    assert start(client, content=NOTEBOOK).status_code == 201


@pytest.mark.parametrize("body", [{}, {"content": "{"}, {"content": EXPERIMENT}, {"content": NOTEBOOK, "name": "a b"}])
def test_a_start_refuses(client: APIClient, project: Project, body: dict[str, Any]) -> None:
    assert start(client, **body).status_code == 400
    assert not NotebookJob.objects.exists()


def test_a_default_image_stands_in_for_content(client: APIClient, project: Project, settings: Any) -> None:
    code = settings.CONFIG.code.model_copy(update={"notebooks_docker_image": "jupyter/base:2"})
    settings.CONFIG = replace(settings.CONFIG, code=code)
    body = start(client).json()
    assert json.loads(body["content"])["build"] == {"image": "jupyter/base:2"}


def test_the_project_tells_of_its_notebook(client: APIClient, project: Project) -> None:
    """Wart that is kept: null, false or true."""
    shown = client.get(P).json()
    assert (shown["notebook"], shown["has_notebook"]) == (None, None)
    notebook = make_notebook(project)
    client.post(f"{N}/{notebook.pk}/statuses", {"status": "running"}, format="json")
    assert client.get(P).json()["has_notebook"] is True
    NotebookJob.objects.update(status="stopped")
    shown = client.get(P).json()
    assert (shown["notebook"], shown["has_notebook"]) == (notebook.pk, False)


def test_the_id_in_a_notebooks_stop_is_not_looked_at(client: APIClient, notebook: NotebookJob) -> None:
    assert client.post(f"{N}/{notebook.pk + 99}/stop").status_code == 200
    notebook.refresh_from_db()
    assert notebook.status == "stopped"
    assert client.post(f"{P}/notebook/stop").status_code == 200


def test_notebooks_list_detail_update_delete(client: APIClient, notebook: NotebookJob) -> None:
    (row,) = client.get(N, {"query": "status:created,backend:notebook"}).json()["results"]
    assert set(row) == LISTED | {"backend"}
    path = f"{N}/{notebook.pk}"
    assert set(client.get(path).json()) == LISTED | {"backend", "content", "resources", "data_refs"}
    body = client.patch(path, {"tags": ["a"], "data_refs": {"x": 1}, "finished_at": None}, format="json").json()
    assert (body["tags"], body["data_refs"]) == (["a"], {"x": 1})
    assert client.patch(path, {"content": EXPERIMENT}, format="json").status_code == 400
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_wart_15_merge_adds_tags_and_names_are_compared_with_the_same_kind(
    client: APIClient, notebook: NotebookJob
) -> None:
    make_tensorboard(notebook.project, name="mine")
    path = f"{N}/{notebook.pk}"
    assert client.patch(path, {"name": "mine"}, format="json").json()["name"] == "mine"
    client.patch(path, {"tags": ["a"]}, format="json")
    assert client.patch(path, {"tags": ["b"], "merge": True}, format="json").json()["tags"] == ["a", "b"]


@pytest.mark.parametrize("kind", ["notebooks", "tensorboards"])
def test_statuses_and_archive(client: APIClient, service: APIClient, project: Project, kind: str) -> None:
    row = make_notebook(project) if kind == "notebooks" else make_tensorboard(project)
    path = f"{P}/{kind}/{row.pk}"
    assert service.post(f"{path}/statuses", {"status": "scheduled"}, format="json").status_code == 201
    assert [one["status"] for one in service.get(f"{path}/statuses").json()["results"]] == ["created", "scheduled"]
    assert client.post(f"{path}/archive").status_code == 200
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").status_code == 200
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("kind", ["notebooks", "tensorboards"])
def test_wart_1_details_of_files_with_resources(client: APIClient, project: Project, kind: str) -> None:
    content = json.dumps(
        {
            "version": 1,
            "kind": kind[:-1],
            "build": {"image": "a:1"},
            "environment": {"resources": {"cpu": {"requests": 1}}},
        }
    )
    started = start(client, f"{P}/{kind[:-1]}", content=content)
    assert started.status_code == 201
    assert client.get(f"{P}/{kind}/{started.json()['id']}").status_code == 200


@pytest.mark.parametrize("kind", ["notebooks", "tensorboards"])
def test_wart_1_a_post_to_the_list_is_405(client: APIClient, project: Project, kind: str) -> None:
    assert client.post(f"{P}/{kind}", {}, format="json").status_code == 405


@pytest.mark.parametrize("kind", ["notebooks", "tensorboards"])
def test_wart_15_signs_of_life_are_taken(service: APIClient, project: Project, kind: str) -> None:
    row = make_notebook(project) if kind == "notebooks" else make_tensorboard(project)
    assert service.post(f"{P}/{kind}/{row.pk}/_heartbeat").status_code == 200
    row.refresh_from_db()
    assert row.heartbeat_at is not None


@pytest.mark.parametrize("kind", ["notebooks", "tensorboards"])
def test_wart_17_times_are_the_platforms(client: APIClient, project: Project, kind: str) -> None:
    row = make_notebook(project) if kind == "notebooks" else make_tensorboard(project)
    times = {"started_at": "2020-01-01T00:00:00Z", "finished_at": "2020-01-02T00:00:00Z", "node_scheduled": "n"}
    body = client.patch(f"{P}/{kind}/{row.pk}", times, format="json").json()
    assert (body["started_at"], body["finished_at"], body["node_scheduled"]) == (None, None, "n")


def test_impersonation_of_a_notebook(client: APIClient, service: APIClient, notebook: NotebookJob) -> None:
    path = f"{P}/notebook/impersonatetoken"
    initializer = client_of()
    headers = {"HTTP_AUTHORIZATION": "InternalToken only-for-tests", "HTTP_X_POLYAXON_INTERNAL": "initializer"}
    initializer.credentials(**headers)
    assert initializer.post(path).status_code == 403
    NotebookJob.objects.update(status="running")
    assert service.post(path).status_code == 403
    assert client.post(path).status_code == 401
    key = initializer.post(path).json()["token"]
    assert Token.objects.get(run=notebook.uuid).user == notebook.user
    own = client_of()
    own.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    assert own.get(P).status_code == 200
    assert own.delete(P).status_code == 403


@pytest.fixture
def targets(experiment: Experiment, group: ExperimentGroup) -> dict[str, str]:
    return {
        "project": f"{P}/tensorboard",
        "experiment": f"{P}/experiments/{experiment.pk}/tensorboard",
        "group": f"{P}/groups/{group.pk}/tensorboard",
    }


def test_each_target_has_a_tensorboard_of_its_own(client: APIClient, targets: dict[str, str]) -> None:
    ids = {}
    for name, path in targets.items():
        answer = start(client, path)
        assert answer.status_code == 201
        assert set(answer.json()) == STARTED
        assert json.loads(answer.json()["content"])["build"] == {"image": "tensorflow/tensorflow:1.11.0-py3"}
        ids[name] = answer.json()["id"]
        assert (start(client, path).status_code, start(client, path).json()["id"]) == (200, ids[name])
    assert len(set(ids.values())) == 3
    for name, path in targets.items():
        shown = client.get(path.removesuffix("/tensorboard")).json()
        assert (shown["tensorboard"], shown["has_tensorboard"]) == (ids[name], False)
        assert client.post(f"{path}/stop").status_code == 200
        assert TensorboardJob.objects.get(pk=ids[name]).status == "stopped"
        assert client.post(f"{path}/stop").status_code == 200


def test_items_without_a_tensorboard_say_null(client: APIClient, targets: dict[str, str]) -> None:
    for path in targets.values():
        shown = client.get(path.removesuffix("/tensorboard")).json()
        assert (shown["tensorboard"], shown["has_tensorboard"]) == (None, None)
        assert client.post(f"{path}/stop").status_code == 200


def test_tensorboards_list_detail_update(
    client: APIClient, project: Project, experiment: Experiment, group: ExperimentGroup
) -> None:
    row = make_tensorboard(project, experiment=experiment)
    make_tensorboard(project, group=group)
    for query, count in ((f"experiment:{experiment.pk}", 1), (f"group:{group.pk}", 1), ("status:created", 2)):
        assert client.get(T, {"query": query}).json()["count"] == count
    assert client.get(T, {"query": "backend:a"}).status_code == 400
    path = f"{T}/{row.pk}"
    assert set(client.get(path).json()) == LISTED | {"experiment", "experiment_group", "content", "resources"}
    moved = client.patch(path, {"experiment": None, "experiment_group": group.pk}, format="json").json()
    assert (moved["experiment"], moved["experiment_group"]) == (None, group.pk)
    assert client.post(f"{path}/stop").status_code == 200
    assert client.get(path).json()["last_status"] == "stopped"


def test_wart_5_tensorboards_stay_with_their_project(client: APIClient, project: Project) -> None:
    assert project.user is not None
    foreign = make_experiment(make_project(project.user, "second"))
    row = make_tensorboard(project)
    assert client.patch(f"{T}/{row.pk}", {"experiment": foreign.pk}, format="json").status_code == 400
    assert start(client, url("olga/digits/experiments", foreign.pk, "tensorboard")).status_code == 404


def test_strangers_start_and_stop_nothing(client: APIClient, stranger: APIClient, notebook: NotebookJob) -> None:
    row = make_tensorboard(notebook.project)
    for path in (f"{P}/notebook", f"{P}/tensorboard", f"{T}/{row.pk}", f"{N}/{notebook.pk}"):
        assert stranger.post(f"{path}/stop").status_code == 403
    assert start(stranger, content=NOTEBOOK).status_code == 403
    assert stranger.get(f"{N}/{notebook.pk}").status_code == 200
    Project.objects.update(is_public=False)
    assert stranger.get(f"{N}/{notebook.pk}").status_code == 404
    assert start(stranger, content=NOTEBOOK).status_code == 404
    notebook.refresh_from_db()
    assert notebook.status == "created"


def test_no_upload_under_a_notebook_that_works_on_the_code(client: APIClient, notebook: NotebookJob) -> None:
    write(OPTIONS["NOTEBOOKS:MOUNT_CODE"], given=True)
    assert upload(client, archive(train="a")).status_code == 200
    NotebookJob.objects.update(status="running")
    assert upload(client, archive(train="b")).status_code == 403
    remove(OPTIONS["NOTEBOOKS:MOUNT_CODE"])
    assert upload(client, archive(train="b")).status_code == 200


def test_an_owner_has_a_default_image(client: APIClient, project: Project) -> None:
    write(OPTIONS["TENSORBOARDS:DOCKER_IMAGE"], "mine:1", owner=project.owner)
    assert json.loads(start(client, f"{P}/tensorboard").json()["content"])["build"] == {"image": "mine:1"}
