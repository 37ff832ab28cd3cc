"""A search again: resumed, restarted, copied; and changed while it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions import code
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import ExperimentGroup, Project
from tests.api.conftest import P
from tests.api.test_search_results import search_file
from tests.contents import tar_gz
from tests.factories import make_experiment, make_group, make_selection

if TYPE_CHECKING:
    from rest_framework.test import APIClient

G = f"{P}/groups"


@pytest.fixture
def study(project: Project) -> ExperimentGroup:
    content = search_file(random_search={"n_experiments": 8}, budget={"max_hours": 2})
    return make_group(project, content=content, description="rates", tags=["a"])


def send(client: APIClient, group: ExperimentGroup, verb: str, body: Any = None) -> Any:
    return client.post(f"{G}/{group.pk}/{verb}", body, format="json")


def end(group: ExperimentGroup, *statuses: str) -> None:
    for status in statuses:
        set_status(group, status)


def test_a_search_that_has_ended_is_resumed(client: APIClient, study: ExperimentGroup) -> None:
    end(study, "running", "done")
    answer = send(client, study, "resume")
    assert (answer.status_code, answer.json()["id"], answer.json()["last_status"]) == (200, study.pk, "resuming")
    study.refresh_from_db()
    assert not study.suggestions_complete
    assert (study.original_group, ExperimentGroup.objects.count()) == (None, 1)


@pytest.mark.parametrize("statuses", [(), ("running",)])
def test_a_search_that_goes_on_is_not_resumed(
    client: APIClient, study: ExperimentGroup, statuses: tuple[str, ...]
) -> None:
    end(study, *statuses)
    answer = send(client, study, "resume")
    state = (*("created", *statuses),)[-1]
    assert (answer.status_code, answer.json()) == (
        400,
        [f"Group {study.pk} is {state}; only a search that is stopped, failed or done is resumed."],
    )


@pytest.mark.parametrize(("verb", "done"), [("resume", "resumed"), ("restart", "restarted"), ("copy", "copied")])
def test_a_selection_is_no_search(client: APIClient, project: Project, verb: str, done: str) -> None:
    selection = make_selection(project, make_experiment(project))
    answer = send(client, selection, verb)
    assert (answer.status_code, answer.json()) == (
        400,
        [f"Group {selection.pk} is no search with a polyaxonfile, so it cannot be {done}."],
    )


def test_what_the_platform_does_not_run_is_not_resumed(client: APIClient, project: Project) -> None:
    content = search_file(random_search={"n_experiments": 8})
    group = make_group(project, content=content, is_managed=False)
    set_status(group, "stopped", enforce=False)
    answer = send(client, group, "resume")
    assert (answer.status_code, answer.json()) == (
        400,
        [f"The platform does not run group {group.pk}, so it cannot be resumed."],
    )
    assert send(client, group, "restart").status_code == 201


@pytest.mark.parametrize("verb", ["restart", "copy"])
def test_another_search_is_made_from_one(client: APIClient, study: ExperimentGroup, verb: str) -> None:
    answer = send(client, study, verb, {"content": "hptuning: {concurrency: 5}", "description": "again"})
    body = answer.json()
    assert answer.status_code == 201
    assert body["id"] != study.pk
    assert (body["original"], body["cloning_strategy"]) == (f"olga.digits.{study.pk}", verb)
    assert (body["concurrency"], body["description"], body["last_status"]) == (5, "again", "created")
    clone = ExperimentGroup.objects.get(pk=body["id"])
    assert (clone.seed == study.seed) is (verb == "restart")
    assert client.get(f"{G}/{clone.pk}").json()["original"] == f"olga.digits.{study.pk}"
    listed = {row["id"]: row["cloning_strategy"] for row in client.get(G).json()["results"]}
    assert listed == {study.pk: None, clone.pk: verb}


def test_a_clone_is_described_as_its_original_unless_it_is_told(client: APIClient, study: ExperimentGroup) -> None:
    body = send(client, study, "restart").json()
    assert (body["description"], body["tags"], body["concurrency"]) == ("rates", ["a"], 2)


def test_a_clone_has_the_code_of_its_original_or_the_newest(
    client: APIClient, project: Project, study: ExperimentGroup
) -> None:
    code.upload(project, study.user, tar_gz({"train.py": "print(1)"}))
    kept = ExperimentGroup.objects.get(pk=send(client, study, "restart").json()["id"])
    newest = ExperimentGroup.objects.get(pk=send(client, study, "restart", {"update_code": True}).json()["id"])
    assert kept.code_reference is None
    assert newest.code_reference is not None


@pytest.mark.parametrize(
    ("content", "told"),
    [("hptuning: {concurrency: 0}", "concurrency"), ("{", "content"), ("kind: experiment", "kind")],
)
def test_a_clone_with_a_wrong_file_is_refused(
    client: APIClient, study: ExperimentGroup, content: str, told: str
) -> None:
    answer = send(client, study, "restart", {"content": content})
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert ExperimentGroup.objects.count() == 1


def test_strangers_make_nothing_of_a_search(stranger: APIClient, study: ExperimentGroup) -> None:
    end(study, "running", "done")
    assert {send(stranger, study, verb).status_code for verb in ("resume", "restart", "copy")} == {403}


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"concurrency": 5}, {"concurrency": 5}),
        ({"max_retries": 2}, {"max_retries": 2}),
        ({"budget": {"max_trials": 9}}, {"budget": {"max_hours": 2, "max_trials": 9}}),
        ({"budget": {"max_hours": None}}, {"budget": {}}),
        ({"random_search": {"n_experiments": 20}}, {"random_search": {"n_experiments": 20}}),
    ],
)
def test_a_search_is_changed_while_it_goes_on(
    client: APIClient, study: ExperimentGroup, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    end(study, "running")
    before = client.get(f"{G}/{study.pk}").json()["hptuning"]
    answer = client.patch(f"{G}/{study.pk}", {"hptuning": change}, format="json")
    assert answer.status_code == 200
    assert answer.json()["hptuning"] == {**before, **shown}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"concurrency": 0}, "concurrency is a whole number from 1 up."),
        ({"max_retries": -1}, "max_retries is a whole number from 0 up."),
        ({"random_search": {"n_experiments": 7}}, "random_search.n_experiments is 8 and can only grow"),
        ({"budget": {"max_hours": 0}}, "max_hours"),
        ({"budget": {"max_trials": "many"}}, "max_trials"),
        ({"budget": {"max_days": 1}}, "max_days"),
        ({"budget": 3}, "budget"),
        ({"budget": [1]}, "budget"),
        ({"random_search": 3}, "The search follows its file"),
        ({"seed": 3}, "The search follows its file"),
    ],
)
def test_a_wrong_change_is_refused_and_told_at_its_field(
    client: APIClient, study: ExperimentGroup, change: dict[str, Any], told: str
) -> None:
    before = client.get(f"{G}/{study.pk}").json()
    answer = client.patch(f"{G}/{study.pk}", {"hptuning": change, "description": "x"}, format="json")
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == ["hptuning"]
    assert told in json.dumps(answer.json())
    after = client.get(f"{G}/{study.pk}").json()
    assert (after["hptuning"], after["description"]) == (before["hptuning"], "rates")
