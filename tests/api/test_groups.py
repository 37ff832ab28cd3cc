"""Experiment groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, Project
from tests.api.conftest import P, url
from tests.factories import GROUP, make_experiment, make_group, make_selection

if TYPE_CHECKING:
    from rest_framework.test import APIClient

G = f"{P}/groups"
LISTED = {
    "id",
    "uuid",
    "name",
    "unique_name",
    "user",
    "project",
    "description",
    "last_status",
    "group_type",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "tags",
    "concurrency",
    "backend",
    "is_managed",
    "search_algorithm",
    "original",
    "cloning_strategy",
    "bookmarked",
}
DETAIL = LISTED | {
    "readme",
    "current_iteration",
    "content",
    "hptuning",
    "tensorboard",
    "has_tensorboard",
    "num_experiments",
    "num_pending_experiments",
    "num_running_experiments",
    "num_scheduled_experiments",
    "num_succeeded_experiments",
    "num_failed_experiments",
    "num_stopped_experiments",
}


def create(client: APIClient, **body: Any) -> Any:
    return client.post(G, body, format="json")


@pytest.fixture
def study(project: Project) -> ExperimentGroup:
    return make_group(project)


def test_create_a_study(client: APIClient, project: Project) -> None:
    answer = create(client, content=GROUP, name="search", num_experiments=None, last_status=None)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == (LISTED - {"bookmarked"}) | {"readme", "content"}
    assert (body["group_type"], body["search_algorithm"], body["concurrency"]) == ("study", "grid", 2)
    assert body["unique_name"] == f"olga.digits.{body['id']}"


def test_create_a_selection(client: APIClient, experiment: Experiment) -> None:
    body = create(client, experiment_ids=[experiment.pk], is_managed=False).json()
    assert (body["group_type"], body["search_algorithm"], body["concurrency"]) == ("selection", None, None)
    assert client.get(f"{G}/{body['id']}").json()["num_experiments"] == 1


@pytest.mark.parametrize("body", [{}, {"content": "{"}, {"experiment_ids": [99]}, {"experiment_ids": "x"}])
def test_create_refuses(client: APIClient, project: Project, body: dict[str, Any]) -> None:
    assert create(client, **body).status_code == 400
    assert not ExperimentGroup.objects.exists()


def test_list(client: APIClient, study: ExperimentGroup) -> None:
    page = client.get(G).json()
    assert set(page["results"][0]) == LISTED
    assert client.get(G, {"query": "type:selection"}).json()["count"] == 0
    assert client.get(G, {"query": "metrics.x:1"}).status_code == 400


def test_detail_counts_by_status(client: APIClient, study: ExperimentGroup) -> None:
    for status in ("created", "scheduled", "running", "succeeded", "failed", "stopped"):
        trial = make_experiment(study.project, group=study)
        if status != "created":
            set_status(trial, status)
    body = client.get(f"{G}/{study.pk}").json()
    assert set(body) == DETAIL
    names = ("experiments", "pending_experiments", "running_experiments", "scheduled_experiments")
    assert [body[f"num_{name}"] for name in names] == [6, 1, 2, 1]
    ends = ("succeeded", "failed", "stopped")
    assert [body[f"num_{name}_experiments"] for name in ends] == [1, 1, 1]
    assert body["hptuning"]["concurrency"] == 2


def test_update(client: APIClient, study: ExperimentGroup) -> None:
    body = client.patch(f"{G}/{study.pk}", {"tags": ["a"], "description": "D"}, format="json").json()
    assert (body["tags"], body["description"]) == (["a"], "D")


def test_only_the_concurrency_of_a_search_changes(client: APIClient, study: ExperimentGroup) -> None:
    before = client.get(f"{G}/{study.pk}").json()["hptuning"]
    changed = client.patch(f"{G}/{study.pk}", {"hptuning": {**before, "concurrency": 5}}, format="json").json()
    assert changed["hptuning"] == {**before, "concurrency": 5}
    assert changed["concurrency"] == 5
    for wrong in ({"concurrency": 0}, {"concurrency": True}, {"matrix": {"lr": {"values": [7]}}}):
        refused = client.patch(f"{G}/{study.pk}", {"hptuning": wrong}, format="json")
        assert (refused.status_code, list(refused.json())) == (400, ["hptuning"])


def test_wart_17_times_are_not_written(client: APIClient, study: ExperimentGroup) -> None:
    client.patch(f"{G}/{study.pk}", {"started_at": "2020-01-01T00:00:00Z"}, format="json")
    assert client.get(f"{G}/{study.pk}").json()["started_at"] is None


def test_statuses(client: APIClient, study: ExperimentGroup, experiment: Experiment) -> None:
    path = f"{G}/{study.pk}/statuses"
    assert client.post(path, {"status": "running"}, format="json").status_code == 201
    assert client.post(path, {"status": "succeeded"}, format="json").status_code == 400
    rows = client.get(path).json()["results"]
    assert [row["status"] for row in rows] == ["created", "running"]
    assert rows[0]["experiment_group"] == study.pk


def test_stop(client: APIClient, stranger: APIClient, study: ExperimentGroup) -> None:
    path = url("olga/digits/groups", study.pk, "stop")
    assert stranger.post(path).status_code == 403
    assert client.post(path).status_code == 200
    assert client.get(f"{G}/{study.pk}").json()["last_status"] == "stopping"


def test_wart_9_stopping_what_is_pending_leaves_the_rest_alone(client: APIClient, study: ExperimentGroup) -> None:
    waiting, running = (make_experiment(study.project, group=study) for _ in range(2))
    set_status(study, "running")
    set_status(running, "running")
    assert client.post(f"{G}/{study.pk}/stop", {"pending": True}, format="json").status_code == 200
    assert client.get(f"{P}/experiments/{waiting.pk}").json()["last_status"] == "stopped"
    assert client.get(f"{P}/experiments/{running.pk}").json()["last_status"] == "running"
    assert client.get(f"{G}/{study.pk}").json()["last_status"] == "running"
    study.refresh_from_db()
    assert study.suggestions_complete, "else the search would go on with others"
    assert client.post(f"{G}/{study.pk}/stop", {"pending": "perhaps"}, format="json").status_code == 400


def test_selections(client: APIClient, project: Project, study: ExperimentGroup) -> None:
    first, second, third = (make_experiment(project) for _ in range(3))
    selection = make_selection(project, first)
    path = f"{P}/selections/{selection.pk}"

    def change(**body: Any) -> tuple[int, list[int]]:
        code = client.patch(path, body, format="json").status_code
        return code, sorted(selection.selection_experiments.values_list("pk", flat=True))

    assert change(operation="add", experiment_ids=[second.pk]) == (200, [first.pk, second.pk])
    assert change(operation="remove", experiment_ids=[first.pk]) == (200, [second.pk])
    assert change(experiment_ids=[third.pk]) == (200, [third.pk])
    assert change(experiment_ids=[]) == (200, [third.pk])
    assert change(operation="add", experiment_ids=[99]) == (400, [third.pk])
    assert change(operation="swap", experiment_ids=[first.pk]) == (400, [third.pk])
    refused = client.put(f"{P}/selections/{study.pk}", {"experiment_ids": [first.pk]}, format="json")
    assert refused.status_code == 400


def test_archive_restore_delete_with_experiments(client: APIClient, study: ExperimentGroup) -> None:
    trial = make_experiment(study.project, group=study)
    path = f"{G}/{study.pk}"
    assert client.post(f"{path}/archive").status_code == 200
    assert client.get(f"{P}/experiments/{trial.pk}").status_code == 404
    assert client.post(f"{path}/restore").status_code == 200
    assert client.get(f"{P}/experiments/{trial.pk}").status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
