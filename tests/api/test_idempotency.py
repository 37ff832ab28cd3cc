"""A creation that is sent again because its answer was lost."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from polyaxon.actions import repeats
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import (
    BuildJob,
    Event,
    Experiment,
    ExperimentGroup,
    IdempotencyKey,
    Job,
    NotebookJob,
    Project,
    TensorboardJob,
)
from scheduler.passes.expiry import expire
from tests.api.conftest import P, client_of, url
from tests.factories import BUILD_FILE, EXPERIMENT, GROUP, JOB, NOTEBOOK, make_experiment, make_group, make_job

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import User

CREATIONS = [
    ("projects", {"name": "new"}, Project),
    ("olga/digits/experiments", {"content": EXPERIMENT}, Experiment),
    ("olga/digits/jobs", {"content": JOB}, Job),
    ("olga/digits/builds", {"content": BUILD_FILE}, BuildJob),
    ("olga/digits/groups", {"content": GROUP}, ExperimentGroup),
    ("olga/digits/notebook/start", {"content": NOTEBOOK}, NotebookJob),
    ("olga/digits/tensorboard/start", {}, TensorboardJob),
]
EXPERIMENTS = f"{P}/experiments"


def send(client: APIClient, path: str, body: Any, key: str = "k1") -> Any:
    return client.post(path, body, format="json", HTTP_IDEMPOTENCY_KEY=key)


@pytest.mark.parametrize(("path", "body", "model"), CREATIONS)
def test_the_same_request_gets_the_first_answer(
    client: APIClient, project: Project, path: str, body: dict[str, Any], model: Any
) -> None:
    before = model.objects.count()
    first, again = (send(client, url(path), body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (first.has_header("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (False, "true")
    assert model.objects.count() == before + 1
    other = send(client, url(path), {**body, "name": "other"}, "k2")
    assert "Idempotent-Replayed" not in other


def test_without_a_key_each_request_makes_a_row(client: APIClient, project: Project) -> None:
    for _ in range(2):
        client.post(EXPERIMENTS, {"content": EXPERIMENT}, format="json")
    assert Experiment.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("action", ["restart", "resume", "copy"])
def test_clones(client: APIClient, project: Project, action: str) -> None:
    original = make_experiment(project)
    set_status(original, "succeeded")
    first, again = (send(client, f"{EXPERIMENTS}/{original.pk}/{action}", {}) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert Experiment.objects.count() == 2
    job = make_job(project)
    first, again = (send(client, f"{P}/jobs/{job.pk}/restart", {}, "k2") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert Job.objects.count() == 2


@pytest.mark.parametrize("action", ["restart", "copy"])
def test_clones_of_searches(client: APIClient, project: Project, action: str) -> None:
    group = make_group(project)
    first, again = (send(client, f"{P}/groups/{group.pk}/{action}", {}) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert ExperimentGroup.objects.count() == 2


def test_the_body_counts_and_not_how_it_is_written(client: APIClient, project: Project) -> None:
    body = {"content": EXPERIMENT, "name": "a"}
    first = send(client, EXPERIMENTS, body)
    text = json.dumps(dict(reversed(body.items())), indent=4)
    again = client.post(f"{EXPERIMENTS}/", text, content_type="application/json", HTTP_IDEMPOTENCY_KEY="k1")
    assert again.json() == first.json()
    assert Experiment.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body"), [(EXPERIMENTS, {"content": EXPERIMENT, "name": "b"}), (f"{P}/jobs", {"content": EXPERIMENT})]
)
def test_another_request_under_the_same_key_is_refused(
    client: APIClient, project: Project, path: str, body: dict[str, Any]
) -> None:
    send(client, EXPERIMENTS, {"content": EXPERIMENT})
    refused = send(client, path, body)
    assert refused.status_code == 422
    assert "another request" in refused.json()["detail"]
    assert (Experiment.objects.count(), Job.objects.count()) == (1, 0)


def test_keys_are_each_user_s_own(client: APIClient, stranger: APIClient, project: Project) -> None:
    first = send(client, url("projects"), {"name": "same"})
    other = send(stranger, url("projects"), {"name": "same"})
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]


def test_a_refused_creation_leaves_its_key_free(client: APIClient, project: Project) -> None:
    assert send(client, EXPERIMENTS, {"content": "{"}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 201


def test_who_may_no_longer_look_gets_no_answer_again(client: APIClient, stranger: APIClient, project: Project) -> None:
    send(client, EXPERIMENTS, {"content": EXPERIMENT})
    Project.objects.update(is_public=False)
    assert send(stranger, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 404
    project.delete()
    assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "käse", "a\tb"])
def test_a_key_is_a_short_text(client: APIClient, project: Project, key: str) -> None:
    answer = send(client, EXPERIMENTS, {"content": EXPERIMENT}, key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()[0]


def test_a_second_one_meanwhile_is_told_to_wait(client: APIClient, owner: User, project: Project) -> None:
    body = {"content": EXPERIMENT}
    send(client, EXPERIMENTS, body)
    IdempotencyKey.objects.update(code=None)
    with repeats.working(owner, "k1"):
        answer = send(client, EXPERIMENTS, body)
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert Experiment.objects.count() == 1


def test_a_second_one_that_comes_before_the_first_has_its_key_waits_too(
    client: APIClient, owner: User, project: Project
) -> None:
    with repeats.working(owner, "k1"):
        assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 409
    assert not Experiment.objects.exists()
    assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 201


def test_what_a_killed_server_began_can_be_done_again(client: APIClient, project: Project) -> None:
    body = {"content": EXPERIMENT}
    send(client, EXPERIMENTS, body)
    Experiment.objects.all().delete()
    IdempotencyKey.objects.update(code=None, body="")
    assert send(client, EXPERIMENTS, body).status_code == 201
    assert send(client, EXPERIMENTS, body)["Idempotent-Replayed"] == "true"
    assert Experiment.objects.count() == 1


def test_who_was_taken_for_dead_makes_nothing(
    client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection to the database broke, and with it the lock."""
    answer = repeats.answer

    def slow(*given: Any) -> None:
        IdempotencyKey.objects.update(created_at=timezone.now())  # as the next one does
        answer(*given)

    monkeypatch.setattr(repeats, "answer", slow)
    assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 400
    assert not Experiment.objects.exists()


def test_answer_and_row_are_of_one_transaction(
    client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(repeats, "answer", _fail)
        with pytest.raises(RuntimeError, match="no space left"):
            send(client, EXPERIMENTS, {"content": EXPERIMENT})
    assert not Experiment.objects.exists()
    assert not Event.objects.filter(event_type="experiment.created").exists()
    assert send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code == 201


def _fail(*_: object) -> None:
    raise RuntimeError("no space left")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_row(project: Project) -> None:
    clients = [client_of(project.user) for _ in range(6)]
    codes: list[int] = []

    def work(client: APIClient) -> None:
        codes.append(send(client, EXPERIMENTS, {"content": EXPERIMENT}).status_code)
        connection.close()

    threads = [threading.Thread(target=work, args=(each,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Experiment.objects.count() == 1
    assert codes.count(201) >= 1
    assert set(codes) <= {201, 409}


def test_keys_are_forgotten_after_a_day(client: APIClient, project: Project) -> None:
    send(client, EXPERIMENTS, {"content": EXPERIMENT}, "old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    send(client, EXPERIMENTS, {"content": EXPERIMENT}, "new")
    expire()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]
