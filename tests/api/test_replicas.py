"""Replicas made by hand, and what helpers of runs report of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentJob, Project, StatusReport
from scheduler.passes.replicas import replica as master_replica
from scheduler.passes.reports import apply_reports
from tests.api.conftest import P, client_of, url
from tests.factories import make_experiment, make_job

if TYPE_CHECKING:
    from rest_framework.test import APIClient

DETAIL = {
    "id",
    "uuid",
    "unique_name",
    "role",
    "experiment",
    "last_status",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "resources",
    "node_scheduled",
    "pod_id",
    "definition",
}


@pytest.fixture
def base(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}/jobs"


def test_a_replica_is_made_changed_and_deleted(client: APIClient, experiment: Experiment, base: str) -> None:
    body = {"role": "worker", "definition": {"a": 1}, "node_scheduled": "node-1"}
    answer = client.post(base, body, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == DETAIL
    assert made["unique_name"] == f"olga.digits.{experiment.pk}.{made['id']}.worker"
    assert made["pod_id"] == f"plx-{experiment.uuid.hex}-worker-0"
    assert (made["definition"], made["last_status"], made["resources"]) == ({"a": 1}, "created", None)
    one = f"{base}/{made['id']}"
    assert client.get(one).json() == made
    assert client.get(f"{one}/statuses").json()["count"] == 1
    changed = client.patch(one, {"node_scheduled": None}, format="json").json()
    assert (changed["node_scheduled"], changed["role"], changed["definition"]) == (None, "worker", {"a": 1})
    assert client.put(one, {"role": "ps"}, format="json").json()["role"] == "ps"
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


def test_replicas_of_a_role_are_numbered(client: APIClient, experiment: Experiment, base: str) -> None:
    pods = [client.post(base, {"role": role}, format="json").json()["pod_id"] for role in ("ps", "worker", "ps")]
    assert [pod.removeprefix(f"plx-{experiment.uuid.hex}-") for pod in pods] == ["ps-0", "worker-0", "ps-1"]
    made = client.post(base, {}, format="json").json()
    assert made["role"] == "master"
    assert master_replica(experiment).pk == made["id"]  # the scheduler takes it for its own, no second one is made


def test_wart_1_resources_of_a_replica_are_taken(client: APIClient, base: str) -> None:
    resources = {"cpu": {"requests": 0.5, "limits": 2}, "gpu": None}
    made = client.post(base, {"resources": resources}, format="json")
    assert made.status_code == 201
    assert made.json()["resources"] == {"cpu": {"requests": 0.5, "limits": 2.0}, "gpu": None}
    assert client.post(base, {"resources": {"cpu": 1}}, format="json").status_code == 400
    assert list(client.post(base, {"role": "boss"}, format="json").json()) == ["role"]
    assert list(client.post(base, {"definition": 1}, format="json").json()) == ["definition"]


def test_only_writers_make_replicas(stranger: APIClient, experiment: Experiment, base: str, client: APIClient) -> None:
    assert stranger.post(base, {}, format="json").status_code == 403
    made = client.post(base, {}, format="json").json()
    run = client_of(experiment.user, run=experiment.uuid)
    assert run.patch(f"{base}/{made['id']}", {"node_scheduled": "n"}, format="json").status_code == 200
    assert run.delete(f"{base}/{made['id']}").status_code == 403
    assert stranger.delete(f"{base}/{made['id']}").status_code == 403


def test_what_is_said_about_a_status_may_change(client: APIClient, base: str) -> None:
    made = client.post(base, {}, format="json").json()
    path = f"{base}/{made['id']}/statuses"
    (record,) = client.get(path).json()["results"]
    one = f"{path}/{record['uuid']}"
    changed = client.patch(one, {"message": "by hand", "details": {"a": 1}, "status": "created"}, format="json")
    assert changed.status_code == 200
    assert changed.json() == {**record, "message": "by hand", "details": {"a": 1}}
    assert client.get(one).json() == changed.json()
    refused = client.put(one, {"status": "succeeded"}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["status"])
    assert client.patch(f"{path}/{'0' * 32}", {}, format="json").status_code == 404


def due() -> None:
    StatusReport.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_report_counts_after_a_while(
    service: APIClient, client: APIClient, base: str, experiment: Experiment
) -> None:
    set_status(experiment, "running")
    made = client.post(base, {}, format="json").json()
    replica = ExperimentJob.objects.get()
    set_status(replica, "running")
    path = f"{base}/{made['uuid']}/_reconcile"
    ended = timezone.now() + timedelta(seconds=5)
    body = {"status": "failed", "created_at": ended.isoformat()}
    answer = service.post(path, body, format="json")
    assert (answer.status_code, answer.content) == (200, b"")
    apply_reports()
    replica.refresh_from_db()
    assert replica.status == "running"
    assert 110 < (StatusReport.objects.get().due_at - timezone.now()).total_seconds() <= 120
    due()
    apply_reports()
    replica.refresh_from_db()
    experiment.refresh_from_db()
    assert (replica.status, experiment.status) == ("failed", "failed")
    assert replica.finished_at == ended
    assert not StatusReport.objects.exists()


def test_a_report_changes_nothing_that_is_done(service: APIClient, project: Project) -> None:
    job = make_job(project)
    path = url("olga/digits/jobs", job.pk, "_reconcile")
    assert service.post(path, {"status": "failed"}, format="json").status_code == 200
    set_status(job, "running")
    set_status(job, "succeeded")
    due()
    apply_reports()
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert not StatusReport.objects.exists()


def test_a_report_of_a_job_counts_once(service: APIClient, project: Project) -> None:
    job = make_job(project)
    set_status(job, "running")
    path = url("olga/digits/jobs", job.pk, "_reconcile")
    for _ in range(2):
        service.post(path, {"status": "succeeded"}, format="json")
    due()
    apply_reports()
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert job.statuses.filter(status="succeeded").count() == 1


def test_reports_of_what_is_gone_are_forgotten(service: APIClient, project: Project) -> None:
    job = make_job(project)
    service.post(url("olga/digits/jobs", job.pk, "_reconcile"), {"status": "failed"}, format="json")
    job.delete()
    due()
    apply_reports()
    assert not StatusReport.objects.exists()


def test_reports_are_checked(service: APIClient, stranger: APIClient, client: APIClient, base: str) -> None:
    made = client.post(base, {}, format="json").json()
    path = f"{base}/{made['uuid']}/_reconcile"
    assert list(service.post(path, {}, format="json").json()) == ["status"]
    assert list(service.post(path, {"status": "great"}, format="json").json()) == ["status"]
    assert service.post(f"{base}/{'0' * 32}/_reconcile", {"status": "failed"}, format="json").status_code == 404
    assert service.post(f"{base}/nothing/_reconcile", {"status": "failed"}, format="json").status_code == 404
    assert stranger.post(path, {"status": "failed"}, format="json").status_code == 403
    assert client.post(path, {"status": "failed"}, format="json").status_code == 200


def test_a_distributed_experiment_goes_on_while_its_master_does(client: APIClient, project: Project) -> None:
    experiment = make_experiment(project)
    set_status(experiment, "running")
    base = f"{P}/experiments/{experiment.pk}/jobs"
    rows = [client.post(base, {"role": role}, format="json").json() for role in ("master", "worker")]
    for replica in experiment.jobs.all():
        set_status(replica, "running")
    client.post(f"{base}/{rows[1]['uuid']}/_reconcile", {"status": "succeeded"}, format="json")
    due()
    apply_reports()
    experiment.refresh_from_db()
    assert experiment.status == "running"
