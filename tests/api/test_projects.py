"""Projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon.db.models import Experiment, Project, User
from tests.api.conftest import P, url
from tests.factories import make_experiment, make_group, make_job, make_project

if TYPE_CHECKING:
    from rest_framework.test import APIClient

CREATED = {
    "id",
    "uuid",
    "user",
    "name",
    "owner",
    "unique_name",
    "description",
    "tags",
    "created_at",
    "updated_at",
    "is_public",
    "readme",
    "bookmarked",
}


def create(client: APIClient, **body: Any) -> Any:
    return client.post(url("projects"), body, format="json")


def test_create(client: APIClient) -> None:
    answer = create(client, name="mnist", description="Digits", tags=["a", "b"], is_public=False, readme="# R")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == CREATED - {"bookmarked"}
    assert (body["user"], body["owner"], body["unique_name"]) == ("olga", "olga", "olga.mnist")
    assert (body["tags"], body["is_public"], body["readme"]) == (["a", "b"], False, "# R")
    assert len(body["uuid"]) == 32
    assert body["created_at"].endswith("Z")


def test_create_passes_over_what_old_clients_send_along(client: APIClient) -> None:
    nulls = dict.fromkeys(["id", "user", "owner", "uuid", "description", "tags", "is_public", "experiments"])
    answer = create(client, name="mnist", num_jobs=0, **nulls)
    assert answer.status_code == 201
    assert answer.json()["is_public"] is True


def test_create_refuses_wrong_and_taken_names(client: APIClient, project: Project) -> None:
    assert list(create(client, name="a b").json()) == ["name"]
    assert list(create(client, name="jobs").json()) == ["name"]
    assert list(create(client, name="x" * 129).json()) == ["name"]
    assert list(create(client).json()) == ["name"]
    taken = create(client, name="digits")
    assert taken.status_code == 400
    assert isinstance(taken.json(), list)
    assert Project.objects.count() == 1


def test_wart_1_the_name_of_an_archived_project_is_400(client: APIClient, project: Project) -> None:
    client.post(f"{P}/archive")
    assert create(client, name="digits").status_code == 400


def test_detail_counts_live_rows(client: APIClient, project: Project) -> None:
    group = make_group(project)
    make_experiment(project, group=group)
    make_experiment(project)
    make_job(project)
    Experiment.objects.filter(pk=make_experiment(project).pk).update(deleted=True)
    body = client.get(P).json()
    assert set(body) == CREATED | {
        "has_code",
        "tensorboard",
        "notebook",
        "has_tensorboard",
        "has_notebook",
        "num_experiment_groups",
        "num_independent_experiments",
        "num_experiments",
        "num_jobs",
        "num_builds",
    }
    numbers = [body[f"num_{name}"] for name in ("experiment_groups", "independent_experiments", "experiments", "jobs")]
    assert numbers == [1, 1, 2, 1]
    assert (body["has_code"], body["has_notebook"]) == (False, None)


def test_list_and_names(client: APIClient, stranger: APIClient, owner: User) -> None:
    make_project(owner, "first")
    make_project(owner, "second", is_public=False)
    page = client.get(url("olga")).json()
    assert [row["name"] for row in page["results"]] == ["second", "first"]
    assert set(page["results"][0]) == CREATED - {"readme"}
    names = client.get(url("olga/projects/names")).json()["results"]
    assert names[0] == {"user": "olga", "unique_name": "olga.second"}
    assert [row["name"] for row in stranger.get(url("olga")).json()["results"]] == ["first"]
    assert stranger.get(url("olga/projects/names")).json()["count"] == 1
    assert client.get(url("nobody")).status_code == 404


def test_update(client: APIClient, project: Project) -> None:
    body = client.patch(P, {"description": "D", "tags": ["a"]}, format="json").json()
    assert (body["description"], body["tags"], body["name"]) == ("D", ["a"], "digits")
    assert client.patch(P, {"tags": ["b"], "merge": True}, format="json").json()["tags"] == ["a", "b"]
    assert client.patch(P, {"tags": ["c"]}, format="json").json()["tags"] == ["c"]
    assert client.put(P, {"description": "x"}, format="json").json() == {"name": ["This field is required."]}
    assert client.put(P, {"name": "renamed"}, format="json").json()["unique_name"] == "olga.renamed"


def test_wart_1_a_clash_on_rename_is_400(client: APIClient, owner: User, project: Project) -> None:
    make_project(owner, "taken")
    answer = client.patch(P, {"name": "taken"}, format="json")
    assert answer.status_code == 400
    assert client.get(P).status_code == 200


def test_archive_and_restore(client: APIClient, stranger: APIClient, experiment: Experiment) -> None:
    assert client.post(f"{P}/archive").status_code == 200
    assert client.get(P).status_code == 404
    assert client.get(f"{P}/experiments/{experiment.pk}").status_code == 404
    assert stranger.post(f"{P}/restore").status_code == 404
    assert client.post(f"{P}/restore").status_code == 200
    assert client.get(f"{P}/experiments/{experiment.pk}").json()["last_status"] == "stopped"


def test_delete_cannot_be_taken_back(client: APIClient, experiment: Experiment) -> None:
    answer = client.delete(P)
    assert answer.status_code == 204
    assert answer.content == b""
    assert client.get(P).status_code == 404
    assert client.post(f"{P}/restore").status_code == 404
    assert Project.objects.get().delete_requested_at is not None


def test_activity(client: APIClient, experiment: Experiment) -> None:
    client.patch(P, {"description": "D"}, format="json")
    client.post(f"{P}/experiments/{experiment.pk}/stop")
    page = client.get(url("activitylogs/olga/digits")).json()
    rows = [(row["event_subject"], row["event_action"], row["object_name"]) for row in page["results"]]
    name = f"olga.digits.{experiment.pk}"
    assert rows == [
        ("experiment", "stopped", name),
        ("project", "updated", "olga.digits"),
        ("experiment", "created", name),
        ("project", "created", "olga.digits"),
    ]
    assert {row["actor"] for row in page["results"]} == {"olga"}
    assert client.get(url("activitylogs")).json()["count"] == 4
    assert client.get(url("historylogs")).json()["results"] == []
