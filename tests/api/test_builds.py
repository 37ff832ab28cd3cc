"""Builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import storage
from polyaxon.actions.builds import get_or_create_build
from polyaxon.db.models import BuildJob, Experiment, Job, Project, User
from tests.api.conftest import P, url
from tests.factories import BUILD_FILE, EXPERIMENT, JOB, make_build, make_experiment, make_job, make_project

if TYPE_CHECKING:
    from rest_framework.test import APIClient

B = f"{P}/builds"
LISTED = {
    *("id", "uuid", "name", "unique_name", "pod_id", "user", "description", "created_at", "updated_at", "started_at"),
    *("finished_at", "last_status", "tags", "project", "backend", "is_managed", "bookmarked"),
}
DETAILED = {"content", "resources", "node_scheduled", "num_jobs", "num_experiments", "dockerfile", "commit"}


@pytest.fixture
def build(project: Project) -> BuildJob:
    return make_build(project)


def test_create(client: APIClient, project: Project) -> None:
    answer = client.post(B, {"content": BUILD_FILE, "name": "base", "tags": ["a"], "ttl": 3}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    expected = "id user project name unique_name description content backend is_managed tags"
    assert set(body) == set(expected.split())
    assert (body["unique_name"], body["backend"]) == (f"olga.digits.builds.{body['id']}", "native")
    tracked = client.post(B, {"is_managed": False, "dockerfile": "x"}, format="json").json()
    assert (tracked["backend"], tracked["is_managed"]) == ("other", False)


@pytest.mark.parametrize("body", [{}, {"content": "{"}, {"content": EXPERIMENT}, {"content": BUILD_FILE, "ttl": -1}])
def test_create_refuses(client: APIClient, project: Project, body: dict[str, Any]) -> None:
    assert client.post(B, body, format="json").status_code == 400
    assert not BuildJob.objects.exists()


def test_a_taken_name_gets_a_number(client: APIClient, project: Project) -> None:
    names = [client.post(B, {"content": BUILD_FILE, "name": "base"}, format="json").json()["name"] for _ in range(2)]
    assert names == ["base", "base-1"]


def test_list_and_detail(client: APIClient, build: BuildJob) -> None:
    (row,) = client.get(B).json()["results"]
    assert set(row) == LISTED
    assert row["pod_id"] == f"plx-build-{build.uuid.hex}"
    detail = client.get(f"{B}/{build.pk}").json()
    assert set(detail) == LISTED | DETAILED
    make_experiment(build.project, build_job=build)
    make_job(build.project, build_job=build)
    detail = client.get(f"{B}/{build.pk}").json()
    assert (detail["num_jobs"], detail["num_experiments"], detail["commit"]) == (1, 1, None)
    assert client.get(P).json()["num_builds"] == 1


def test_queries(client: APIClient, build: BuildJob) -> None:
    make_build(build.project, is_managed=False, backend="other", tags=["x"])
    found = {
        text: client.get(B, {"query": text}).json()["count"]
        for text in ("status:created", "backend:native", "tags:x", f"id:{build.pk}", "commit:a", "user.username:olga")
    }
    assert list(found.values()) == [2, 1, 1, 1, 0, 2]
    assert client.get(B, {"query": "params.a:1"}).status_code == 400


def test_update(client: APIClient, service: APIClient, build: BuildJob) -> None:
    path = f"{B}/{build.pk}"
    body = client.patch(path, {"tags": ["a"], "dockerfile": "FROM a", "node_scheduled": "n"}, format="json").json()
    assert (body["tags"], body["dockerfile"], body["node_scheduled"]) == (["a"], "FROM a", "n")
    merged = service.patch(path, {"tags": ["b"], "merge": True}, format="json")
    assert (merged.status_code, merged.json()["tags"]) == (200, ["a", "b"])
    assert service.delete(path).status_code == 204
    assert service.get(path).status_code == 404


def test_life(client: APIClient, service: APIClient, build: BuildJob) -> None:
    path = f"{B}/{build.pk}"
    moved = service.post(f"{path}/statuses", {"status": "running", "details": {"a": 1}}, format="json")
    assert moved.status_code == 201
    statuses = client.get(f"{path}/statuses").json()["results"]
    assert [(row["status"], row["details"], row["job"]) for row in statuses] == [
        ("created", {}, build.pk),
        ("running", {"a": 1}, build.pk),
    ]
    assert client.get(f"{path}/statuses/{statuses[1]['uuid']}").json() == statuses[1]
    assert service.post(f"{path}/_heartbeat").status_code == 200
    assert service.post(f"{path}/_reconcile", {"status": "succeeded"}, format="json").status_code == 200
    assert client.post(f"{path}/coderef", {"commit": "c" * 40}, format="json").status_code == 201
    assert client.get(path).json()["commit"] == "c" * 40
    assert client.post(f"{path}/bookmark").status_code == 201
    assert client.get(B).json()["results"][0]["bookmarked"] is True
    assert client.post(f"{path}/stop").status_code == 200
    build.refresh_from_db()
    assert build.stop_requested_at is not None


def test_logs(client: APIClient, build: BuildJob) -> None:
    storage.logs().append(build.sub_path, ["Step 1"])
    assert b"Step 1" in b"".join(client.get(f"{B}/{build.pk}/logs"))


def test_wart_16_the_log_of_a_build_takes_lines_of_unmanaged_ones(client: APIClient, project: Project) -> None:
    tracked = make_build(project, is_managed=False)
    assert client.post(f"{B}/{tracked.pk}/logs", ["one"], format="json").status_code == 200
    assert b"one" in b"".join(client.get(f"{B}/{tracked.pk}/logs"))


def test_archive_restore_delete(client: APIClient, build: BuildJob) -> None:
    path = f"{B}/{build.pk}"
    assert client.post(f"{path}/archive").status_code == 200
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(B).json()["count"] == 0


def test_invalidate(client: APIClient, stranger: APIClient, project: Project, owner: User) -> None:
    first, _ = get_or_create_build(project, owner, BUILD_FILE, code_reference=None)
    assert stranger.post(f"{B}/{first.pk}/invalidate").status_code == 403
    assert client.post(f"{B}/{first.pk}/invalidate").status_code == 200
    second, new = get_or_create_build(project, owner, BUILD_FILE, code_reference=None)
    assert (new, second != first) == (True, True)
    client.post(f"{B}/{second.pk}/archive")
    assert client.post(f"{B}/invalidate").status_code == 200
    assert not BuildJob.objects.filter(valid=True).exists()


@pytest.mark.parametrize(("kind", "content", "model"), [("experiments", EXPERIMENT, Experiment), ("jobs", JOB, Job)])
def test_runs_name_their_build(
    client: APIClient, build: BuildJob, kind: str, content: str, model: type[Experiment | Job]
) -> None:
    """Written as an id, read as a unique name."""
    created = client.post(f"{P}/{kind}", {"content": content, "build_job": build.pk}, format="json")
    assert (created.status_code, created.json()["build_job"]) == (201, build.pk)
    assert client.get(f"{P}/{kind}").json()["results"][0]["build_job"] == build.unique_name
    assert client.get(f"{P}/{kind}/{created.json()['id']}").json()["build_job"] == build.unique_name
    for query, count in ((f"build:{build.pk}", 1), (f"build.id:{build.pk}", 1), (f"build:{build.pk + 1}", 0)):
        assert client.get(f"{P}/{kind}", {"query": query}).json()["count"] == count
    BuildJob.objects.all().delete()
    assert model.objects.get().build_job is None


def test_wart_5_builds_of_other_projects_are_refused(client: APIClient, owner: User, project: Project) -> None:
    foreign = make_build(make_project(owner, "second"))
    body = {"content": EXPERIMENT, "build_job": foreign.pk}
    assert list(client.post(f"{P}/experiments", body, format="json").json()) == ["build_job"]
    assert client.get(url("olga/digits/builds", foreign.pk)).status_code == 404
