"""Jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Job, Project
from tests.api.conftest import P
from tests.factories import EXPERIMENT, JOB, make_job

if TYPE_CHECKING:
    from rest_framework.test import APIClient

J = f"{P}/jobs"
LISTED = {
    "id",
    "uuid",
    "name",
    "unique_name",
    "pod_id",
    "user",
    "description",
    "created_at",
    "updated_at",
    "last_status",
    "started_at",
    "finished_at",
    "original",
    "cloning_strategy",
    "tags",
    "project",
    "build_job",
    "backend",
    "is_managed",
    "bookmarked",
}


@pytest.fixture
def job(project: Project) -> Job:
    return make_job(project)


def test_create(client: APIClient, project: Project) -> None:
    nulls = dict.fromkeys(["id", "uuid", "pod_id", "resources", "definition", "total_run", "is_clone", "ttl"])
    answer = client.post(J, {"content": JOB, "name": "prepare", "tags": ["a"], **nulls}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    expected = "id unique_name user project name build_job description readme backend is_managed content tags"
    assert set(body) == {*expected.split(), "data_refs"}
    assert body["unique_name"] == f"olga.digits.jobs.{body['id']}"


@pytest.mark.parametrize("body", [{}, {"content": "{"}, {"content": EXPERIMENT}, {"content": JOB, "ttl": -1}])
def test_create_refuses(client: APIClient, project: Project, body: dict[str, Any]) -> None:
    assert client.post(J, body, format="json").status_code == 400
    assert not Job.objects.exists()


def test_list_and_detail(client: APIClient, job: Job) -> None:
    (row,) = client.get(J).json()["results"]
    assert set(row) == LISTED
    assert row["pod_id"] == f"plx-job-{job.uuid.hex}"
    detail = client.get(f"{J}/{job.pk}").json()
    assert set(detail) == LISTED | {
        "is_clone",
        "readme",
        "content",
        "resources",
        "data_refs",
        "node_scheduled",
        "reason",
    }
    assert client.get(J, {"query": "status:created", "sort": "-created_at"}).json()["count"] == 1
    assert client.get(J, {"query": "metrics.a:1"}).status_code == 400


def test_update(client: APIClient, job: Job) -> None:
    changes = {
        "tags": ["a"],
        "data_refs": {"x": 1},
        "node_scheduled": "n1",
        "finished_at": "2020-01-01T00:00:00Z",
    }
    body = client.patch(f"{J}/{job.pk}", changes, format="json").json()
    assert (body["tags"], body["data_refs"], body["node_scheduled"], body["finished_at"]) == (
        ["a"],
        {"x": 1},
        "n1",
        None,
    )
    assert client.patch(f"{J}/{job.pk}", {"original_job": 99}, format="json").status_code == 400


@pytest.mark.parametrize("strategy", ["restart", "resume", "copy"])
def test_clones(client: APIClient, job: Job, strategy: str) -> None:
    """The client of 0.6 resumes and copies jobs, too; its server had no route."""
    set_status(job, "stopped")
    content = json.dumps({"params": {"size": 3}})
    answer = client.post(f"{J}/{job.pk}/{strategy}", {"content": content}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == LISTED
    assert (body["original"], body["cloning_strategy"]) == (f"olga.digits.jobs.{job.pk}", strategy)
    clone = Job.objects.get(pk=body["id"])
    assert clone.params == {"size": 3}
    assert clone.outputs_owner == (job if strategy == "resume" else clone)


def test_a_resumed_job_is_resumed_from_its_original(client: APIClient, job: Job) -> None:
    set_status(job, "stopped")
    first = Job.objects.get(pk=client.post(f"{J}/{job.pk}/resume").json()["id"])
    refused = client.post(f"{J}/{first.pk}/resume")
    assert refused.status_code == 400
    assert f"Job {first.pk} still writes to the outputs of job {job.pk}" in refused.content.decode()
    set_status(first, "failed")
    second = client.post(f"{J}/{first.pk}/resume").json()
    assert second["original"] == f"olga.digits.jobs.{job.pk}"


def test_a_job_that_runs_is_not_resumed(client: APIClient, job: Job) -> None:
    assert client.post(f"{J}/{job.pk}/resume").status_code == 400
    assert Job.objects.count() == 1


def test_life(client: APIClient, job: Job) -> None:
    path = f"{J}/{job.pk}"
    assert client.post(f"{path}/statuses", {"status": "running", "details": {"a": 1}}, format="json").status_code == 201
    statuses = client.get(f"{path}/statuses").json()["results"]
    assert [(row["status"], row["details"], row["job"]) for row in statuses] == [
        ("created", {}, job.pk),
        ("running", {"a": 1}, job.pk),
    ]
    assert client.get(f"{path}/statuses/{statuses[1]['uuid']}").json() == statuses[1]
    assert client.post(f"{path}/_heartbeat").status_code == 200
    assert client.post(f"{path}/coderef", {"commit": "c" * 40}, format="json").status_code == 201
    assert client.get(f"{path}/coderef").json()["commit"] == "c" * 40
    assert client.post(f"{path}/stop").status_code == 200
    job.refresh_from_db()
    assert job.stop_requested_at is not None


def test_archive_restore_delete(client: APIClient, job: Job) -> None:
    path = f"{J}/{job.pk}"
    assert client.post(f"{path}/archive").status_code == 200
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(J).json()["count"] == 0


def test_log_lines_of_a_managed_job_are_not_taken(client: APIClient, job: Job) -> None:
    assert client.get(f"{J}/{job.pk}/logs").status_code == 200
    assert client.post(f"{J}/{job.pk}/logs", ["x"], format="json").status_code == 403


def test_lines_of_an_unmanaged_job_are_taken(client: APIClient, project: Project) -> None:
    """The client of 0.6 posts them; its server had no route."""
    tracked = make_job(project, is_managed=False)
    assert client.post(f"{J}/{tracked.pk}/logs", ["one", "two"], format="json").status_code == 200
    text = b"".join(client.get(f"{J}/{tracked.pk}/logs")).decode()
    assert [line.rpartition("-- ")[2] for line in text.splitlines()] == ["one", "two"]
