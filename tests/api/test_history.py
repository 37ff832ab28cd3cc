"""What people looked at, and what they did, as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.db.models import ActivityLog, Project, User
from tests.api.conftest import P, client_of, url
from tests.factories import make_experiment, make_group, make_job

if TYPE_CHECKING:
    from rest_framework.test import APIClient


@pytest.fixture
def seen(project: Project, client: APIClient) -> dict[str, tuple[str, int, str]]:
    """Address, id and name by subject."""
    experiment, group, job = make_experiment(project), make_group(project), make_job(project)
    base = f"{P}/experiments/{experiment.pk}"
    replica = client.post(f"{base}/jobs", {}, format="json").json()
    return {
        "project": (P, project.pk, "olga.digits"),
        "experiment": (base, experiment.pk, f"olga.digits.{experiment.pk}"),
        "experiment_group": (f"{P}/groups/{group.pk}", group.pk, f"olga.digits.{group.pk}"),
        "job": (f"{P}/jobs/{job.pk}", job.pk, f"olga.digits.jobs.{job.pk}"),
        "experiment_job": (f"{base}/jobs/{replica['id']}", replica["id"], replica["unique_name"]),
    }


def test_the_history_has_what_the_caller_looked_at(
    client: APIClient, stranger: APIClient, seen: dict[str, tuple[str, int, str]]
) -> None:
    assert client.get(url("historylogs")).json()["count"] == 0
    for path, _, _ in seen.values():
        assert client.get(path).status_code == 200
    entries = client.get(url("historylogs")).json()["results"]
    shown = [(entry["event_subject"], entry["object_id"], entry["object_name"]) for entry in reversed(entries)]
    assert shown == [(subject, pk, name) for subject, (_, pk, name) in seen.items()]
    assert {(entry["event_action"], entry["actor"]) for entry in entries} == {("viewed", "olga")}
    assert stranger.get(url("historylogs")).json()["count"] == 0


def test_lists_changes_runs_and_refusals_are_no_views(
    client: APIClient, stranger: APIClient, owner: User, seen: dict[str, tuple[str, int, str]], project: Project
) -> None:
    experiment = make_experiment(project)
    path = f"{P}/experiments/{experiment.pk}"
    client.get(f"{P}/experiments")
    client.patch(path, {"description": "x"}, format="json")
    client.head(path)
    client_of(owner, run=experiment.uuid).get(path)
    Project.objects.update(is_public=False)
    stranger.get(path)
    assert not ActivityLog.objects.filter(event_type__endswith=".viewed").exists()


def test_views_are_not_among_the_activities(client: APIClient, seen: dict[str, tuple[str, int, str]]) -> None:
    before = client.get(url("activitylogs")).json()["count"]
    for path, _, _ in seen.values():
        client.get(path)
    assert client.get(url("activitylogs")).json()["count"] == before
    assert client.get(url("activitylogs/olga/digits")).json()["count"] > 0


def test_saved_things_are_among_the_activities_of_their_project(client: APIClient, project: Project) -> None:
    client.post(url("searches/olga/digits/jobs"), {"query": {}, "name": "mine"}, format="json")
    group = make_group(project)
    client.post(f"{P}/groups/{group.pk}/chartviews", {"charts": []}, format="json")
    entries = client.get(url("activitylogs/olga/digits")).json()["results"]
    shown = {(entry["event_subject"], entry["event_action"], entry["object_name"]) for entry in entries}
    assert {("search", "created", "mine"), ("chart_view", "created", None)} <= shown


def test_wart_19_restarts_are_among_the_activities(client: APIClient, project: Project) -> None:
    experiment, job = make_experiment(project), make_job(project)
    assert client.post(f"{P}/experiments/{experiment.pk}/restart", {}, format="json").status_code == 201
    assert client.post(f"{P}/jobs/{job.pk}/restart", {}, format="json").status_code == 201
    entries = client.get(url("activitylogs")).json()["results"]
    restarted = {
        (entry["event_subject"], entry["object_id"]) for entry in entries if entry["event_action"] == "restarted"
    }
    assert restarted == {("experiment", experiment.pk), ("job", job.pk)}
