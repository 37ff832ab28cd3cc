"""Experiments and their replicas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions.statuses import first_status, set_status
from polyaxon.db.models import Experiment, ExperimentJob, Project
from tests.api.conftest import P, url
from tests.factories import EXPERIMENT, make_experiment, make_group, make_metrics, make_selection

if TYPE_CHECKING:
    from rest_framework.test import APIClient

LISTED = {
    "id",
    "uuid",
    "name",
    "unique_name",
    "user",
    "description",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "last_status",
    "original",
    "cloning_strategy",
    "project",
    "experiment_group",
    "build_job",
    "backend",
    "is_managed",
    "framework",
    "tags",
    "last_metric",
    "params",
    "bookmarked",
}
DETAIL = LISTED | {
    "readme",
    "content",
    "resources",
    "run_env",
    "data_refs",
    "num_jobs",
    "is_clone",
    "code_reference",
    "tensorboard",
    "has_tensorboard",
    "trial",
    "reason",
}
CREATED = {
    "id",
    "unique_name",
    "project",
    "user",
    "name",
    "description",
    "readme",
    "original_experiment",
    "experiment_group",
    "build_job",
    "content",
    "params",
    "backend",
    "framework",
    "is_managed",
    "run_env",
    "data_refs",
    "tags",
}
E = f"{P}/experiments"


def create(client: APIClient, **body: Any) -> Any:
    return client.post(E, body, format="json")


def test_create_a_managed_one(client: APIClient, project: Project) -> None:
    answer = create(client, content=EXPERIMENT, name="first", tags=["a"], description="D", ttl=60)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == CREATED
    assert body["unique_name"] == f"olga.digits.{body['id']}"
    assert (body["params"], body["is_managed"], body["backend"]) == ({"lr": 0.1}, True, "native")


def test_create_takes_what_old_clients_send_along(client: APIClient, project: Project) -> None:
    nulls = dict.fromkeys(
        [
            "id",
            "uuid",
            "unique_name",
            "user",
            "project",
            "build_job",
            "last_status",
            "last_metric",
            "created_at",
            "ttl",
            "jobs",
        ]
    )
    answer = create(client, content=EXPERIMENT, is_managed=None, num_jobs=0, has_tensorboard=False, tags=None, **nulls)
    assert answer.status_code == 201
    assert answer.json()["is_managed"] is True


def test_create_an_unmanaged_one(client: APIClient, project: Project) -> None:
    env = {"pid": 1, "sys.argv": ["train.py"], "packages": ["numpy==2.0"]}
    body = create(client, is_managed=False, run_env=env, framework="keras", params={"lr": 1}).json()
    assert (body["content"], body["backend"], body["framework"], body["run_env"]) == (
        None,
        "other",
        "keras",
        env,
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": "{"},
        {"content": json.dumps({"version": 1, "kind": "job", "run": {"cmd": "x"}})},
        {"content": EXPERIMENT, "ttl": "soon"},
        {"content": EXPERIMENT, "tags": "a"},
        {"content": EXPERIMENT, "tags": ["x" * 65]},
        {"content": EXPERIMENT, "params": [1]},
        {"content": EXPERIMENT, "experiment_group": 99},
        {"content": EXPERIMENT, "original_experiment": 99},
        {"content": EXPERIMENT, "name": "a b"},
        {"content": 1.5, "is_managed": "perhaps"},
    ],
)
def test_create_refuses_and_stores_nothing(client: APIClient, project: Project, body: dict[str, Any]) -> None:
    answer = create(client, **body)
    assert answer.status_code == 400
    assert answer.json()
    assert not Experiment.objects.exists()


def test_a_taken_name_gets_a_number(client: APIClient, project: Project) -> None:
    names = [create(client, content=EXPERIMENT, name="first").json()["name"] for _ in range(3)]
    assert names == ["first", "first-1", "first-2"]


def test_wart_8_a_selection_is_joined_but_is_not_the_group(client: APIClient, experiment: Experiment) -> None:
    selection = make_selection(experiment.project, experiment)
    body = create(client, content=EXPERIMENT, experiment_group=selection.pk).json()
    assert body["experiment_group"] is None
    assert client.get(f"{E}?group={selection.pk}").json()["count"] == 2
    study = make_group(experiment.project)
    body = create(client, content=EXPERIMENT, experiment_group=study.pk).json()
    assert body["unique_name"] == f"olga.digits.{study.pk}.{body['id']}"
    assert body["experiment_group"] == study.pk


def test_list(client: APIClient, project: Project) -> None:
    first, second = make_experiment(project), make_experiment(project)
    make_metrics(second, {"loss": 0.123456789, "bad": float("inf")})
    page = client.get(f"{E}?sort=created_at").json()
    assert [row["id"] for row in page["results"]] == [first.pk, second.pk]
    assert set(page["results"][0]) == LISTED
    assert page["results"][0]["last_metric"] == {}
    assert page["results"][1]["last_metric"] == {"loss": 0.123456789, "bad": "Infinity"}
    assert page["results"][1]["params"] == {"lr": 0.1}


def test_list_shapes(client: APIClient, experiment: Experiment) -> None:
    metrics = client.get(f"{E}?metrics=True").json()["results"][0]
    assert set(metrics) == {"id", "uuid", "name", "unique_name", "last_metric", "started_at", "finished_at"}
    params = client.get(f"{E}?params=True").json()["results"][0]
    assert set(params) == {"id", "uuid", "name", "unique_name", "params"}


def test_list_all_is_one_large_page(client: APIClient, project: Project) -> None:
    for _ in range(21):
        make_experiment(project, is_managed=False)
    assert len(client.get(E).json()["results"]) == 20
    assert len(client.get(f"{E}?all=1").json()["results"]) == 21


def test_list_by_group(client: APIClient, project: Project) -> None:
    group = make_group(project)
    trial, free = make_experiment(project, group=group), make_experiment(project)
    assert [row["id"] for row in client.get(f"{E}?group={group.pk}").json()["results"]] == [trial.pk]
    rows = client.get(f"{E}?independent=True").json()["results"]
    assert [row["id"] for row in rows] == [free.pk]
    assert client.get(f"{E}?group={group.pk}&independent=true").json() == ["independent and group exclude each other."]
    assert client.get(f"{E}?group=99").status_code == 404


def test_list_filtered_and_sorted(client: APIClient, project: Project) -> None:
    rows = [make_experiment(project) for _ in range(4)]
    for row, loss in zip(rows, [0.3, 0.1, 0.9], strict=False):
        make_metrics(row, {"loss": loss})
    page = client.get(E, {"query": "metrics.loss:<0.5", "sort": "metric.loss"}).json()
    assert [row["id"] for row in page["results"]] == [rows[1].pk, rows[0].pk]
    by_loss = client.get(E, {"sort": "-metric.loss"}).json()["results"]
    assert [row["id"] for row in by_loss] == [rows[2].pk, rows[0].pk, rows[1].pk, rows[3].pk]


@pytest.mark.parametrize(
    "parameters",
    [
        "independent=maybe",
        "metrics=2.5",
        "params=x",
        "group=x",
        "query=a:b:c",
        "query=id:x",
        "sort=metric.a.b",
    ],
)
def test_wart_1_wrong_parameters_are_400(client: APIClient, project: Project, parameters: str) -> None:
    answer = client.get(f"{E}?{parameters}")
    assert answer.status_code == 400
    assert isinstance(answer.json(), list)


def test_detail(client: APIClient, experiment: Experiment) -> None:
    make_metrics(experiment, {"loss": 1 / 3, "nan": float("nan")})
    body = client.get(f"{E}/{experiment.pk}").json()
    assert set(body) == DETAIL
    assert body["last_metric"] == {"loss": 0.3333333, "nan": "NaN"}
    assert body["uuid"] == experiment.uuid.hex
    assert (body["num_jobs"], body["is_clone"], body["content"]) == (0, False, EXPERIMENT)
    assert client.get(f"{E}/{make_experiment(experiment.project).pk}").json()["last_metric"] is None
    assert client.get(f"{E}/99999").status_code == 404


def test_update(client: APIClient, experiment: Experiment) -> None:
    path = f"{E}/{experiment.pk}"
    body = client.patch(path, {"description": "D", "params": {"a": 1}, "name": "n"}, format="json").json()
    assert (body["description"], body["params"], body["name"]) == ("D", {"a": 1}, "n")
    merged = client.patch(path, {"params": {"b": 2}, "tags": ["x"], "merge": True}, format="json").json()
    assert (merged["params"], merged["tags"]) == ({"a": 1, "b": 2}, ["x"])
    replaced = client.put(path, {"params": {"c": 3}}, format="json").json()
    assert replaced["params"] == {"c": 3}
    assert set(replaced) == DETAIL
    unchanged = client.patch(path, {"last_status": "failed", "uuid": "x", "started_at": None}, format="json").json()
    assert unchanged["last_status"] == "created"


def test_update_keeps_an_experiment_without_file_unmanaged(client: APIClient, project: Project) -> None:
    tracked = make_experiment(project, is_managed=False)
    answer = client.patch(f"{E}/{tracked.pk}", {"is_managed": True}, format="json")
    assert list(answer.json()) == ["is_managed"]
    assert not Experiment.objects.get().is_managed


def test_archive_restore_delete(client: APIClient, experiment: Experiment) -> None:
    path = f"{E}/{experiment.pk}"
    assert client.post(f"{path}/archive").status_code == 200
    assert client.get(path).status_code == 404
    assert client.get(E).json()["count"] == 0
    assert client.post(f"{path}/restore").status_code == 200
    assert client.get(path).json()["last_status"] == "stopped"
    assert client.delete(path).status_code == 204
    assert client.post(f"{path}/restore").status_code == 404


def test_stop(client: APIClient, experiment: Experiment) -> None:
    answer = client.post(f"{E}/{experiment.pk}/stop")
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get(f"{E}/{experiment.pk}").json()["last_status"] == "stopped"
    assert client.post(f"{E}/{experiment.pk}/stop").status_code == 200


def test_stop_and_delete_many(client: APIClient, project: Project) -> None:
    rows = [make_experiment(project) for _ in range(3)]
    ids = [rows[0].pk, rows[1].pk, 99999]
    assert client.post(f"{E}/stop", {"ids": ids}, format="json").status_code == 200
    assert list(Experiment.objects.order_by("pk").values_list("status", flat=True)) == [
        "stopped",
        "stopped",
        "created",
    ]
    assert client.delete(f"{E}/delete", {"ids": ids}, format="json").status_code == 200
    assert client.get(E).json()["count"] == 1
    assert client.post(f"{E}/stop", {"ids": "x"}, format="json").status_code == 400


@pytest.mark.parametrize("strategy", ["restart", "resume", "copy"])
def test_clones(client: APIClient, experiment: Experiment, strategy: str) -> None:
    client.post(f"{E}/{experiment.pk}/stop")
    answer = client.post(f"{E}/{experiment.pk}/{strategy}", {"description": "again"}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == LISTED
    assert (body["original"], body["cloning_strategy"]) == (f"olga.digits.{experiment.pk}", strategy)
    assert (body["description"], body["last_status"], body["params"]) == ("again", "created", {"lr": 0.1})


def test_wart_1_clone_parameters_are_checked(client: APIClient, experiment: Experiment) -> None:
    path = f"{E}/{experiment.pk}/restart"
    assert client.post(path, {"update_code": "perhaps"}, format="json").status_code == 400
    assert client.post(path, {"content": "{"}, format="json").status_code == 400
    assert client.post(path).status_code == 201


def test_statuses_of_an_unmanaged_run_are_stored_as_told(client: APIClient, project: Project) -> None:
    tracked = make_experiment(project, is_managed=False)
    path = f"{E}/{tracked.pk}/statuses"
    posted = {"status": "succeeded", "message": "fine", "created_at": "2024-05-01 10:00:00+02:00"}
    answer = client.post(path, posted, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "uuid", "created_at", "message", "traceback", "status", "experiment"}
    assert (body["created_at"], body["experiment"]) == ("2024-05-01T08:00:00Z", tracked.pk)
    assert client.post(path, {"status": "running"}, format="json").status_code == 201
    page = client.get(path).json()
    assert {row["status"] for row in page["results"]} == {"created", "succeeded", "running"}
    assert client.get(f"{path}/{body['uuid']}").json() == body
    assert client.get(f"{path}/{'0' * 32}").status_code == 404
    assert client.get(f"{path}/x").status_code == 404


def test_statuses_of_a_managed_run_follow_the_table(client: APIClient, experiment: Experiment) -> None:
    path = f"{E}/{experiment.pk}/statuses"
    assert client.post(path, {"status": "running"}, format="json").status_code == 201
    assert client.post(path, {"status": "succeeded"}, format="json").status_code == 201
    answer = client.post(path, {"status": "running"}, format="json")
    assert answer.status_code == 400
    assert "from succeeded to running" in answer.json()["status"][0]
    assert client.get(f"{E}/{experiment.pk}").json()["last_status"] == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {"status": "done"},
        {"status": "x"},
        {"created_at": "yesterday"},
        {"created_at": "0001-01-01T00:00:00+05:00"},
    ],
)
def test_wrong_statuses_are_400(client: APIClient, project: Project, body: dict[str, str]) -> None:
    tracked = make_experiment(project, is_managed=False)
    answer = client.post(f"{E}/{tracked.pk}/statuses", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == list(body)
    assert tracked.statuses.count() == 1


def test_code_reference(client: APIClient, experiment: Experiment) -> None:
    path = f"{E}/{experiment.pk}/coderef"
    assert client.get(path).json()["commit"] == ""
    assert "id" not in client.get(path).json()
    posted = {"commit": "a" * 40, "branch": "main", "git_url": "https://example.org/x.git", "is_dirty": True}
    answer = client.post(path, posted, format="json")
    assert answer.status_code == 201
    assert client.get(path).json() == answer.json()
    assert {key: answer.json()[key] for key in posted} == posted
    assert client.get(f"{E}/{experiment.pk}").json()["code_reference"] == answer.json()["id"]
    assert client.post(path, {"commit": "a" * 41}, format="json").status_code == 400
    rows = client.get(E, {"query": f"commit:{'a' * 40}"}).json()
    assert rows["count"] == 1


def test_an_empty_code_reference_is_taken(client: APIClient, experiment: Experiment) -> None:
    """Clients of 0.6 post it when there is no repository."""
    answer = client.post(f"{E}/{experiment.pk}/coderef", {}, format="json")
    assert answer.status_code == 201
    assert answer.json()["commit"] is None


def test_replicas(client: APIClient, experiment: Experiment) -> None:
    replica = ExperimentJob.objects.create(experiment=experiment)
    first_status(replica)
    set_status(replica, "running")
    path = f"{E}/{experiment.pk}/jobs"
    (row,) = client.get(path).json()["results"]
    assert row["unique_name"] == f"olga.digits.{experiment.pk}.{replica.pk}.master"
    assert row["pod_id"] == f"plx-{experiment.uuid.hex}-master-0"
    assert (row["experiment"], row["last_status"], "experiment_name" in row) == (
        experiment.pk,
        "running",
        False,
    )
    assert client.get(f"{path}/{replica.pk}").json() == {**row, "definition": {}}
    statuses = client.get(f"{path}/{replica.pk}/statuses").json()["results"]
    assert [status["status"] for status in statuses] == ["created", "running"]
    assert statuses[0]["job"] == replica.pk
    one = client.get(f"{path}/{replica.pk}/statuses/{statuses[0]['uuid']}").json()
    assert one == statuses[0]
    assert client.get(f"{path}/999").status_code == 404
    assert client.get(f"{path}/{replica.pk}/logs").status_code == 200
    refused = client.post(f"{path}/{replica.pk}/statuses", {"status": "starting"}, format="json")
    assert refused.status_code == 400


def test_heartbeat(client: APIClient, experiment: Experiment) -> None:
    assert client.post(f"{E}/{experiment.pk}/_heartbeat").status_code == 200
    assert Experiment.objects.get().heartbeat_at is not None


def test_every_experiment_that_may_be_read(client: APIClient, experiment: Experiment) -> None:
    page = client.get(url("experiments")).json()
    assert set(page["results"][0]) == LISTED
