"""Nothing tells of a private project to those who may not read it: no text, count, code, reference or work done."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api.throttling import Rate
from polyaxon.actions.bookmarks import add_bookmark
from polyaxon.actions.runs import archive
from polyaxon.actions.searches import save_search
from polyaxon.db.models import ActivityLog, Event, Project, TeamMember, User
from tests.api.conftest import client_of
from tests.api.routes import Route, all_routes
from tests.api.test_matrix import BLIND_TO_PROJECT, ORGANIZATION, SECRET, SERVICE, World, takes
from tests.factories import make_build, make_experiment, make_group, make_job, make_project, make_selection

pytestmark = pytest.mark.slow
ROUTES = all_routes()
# Neither asks for what is stored, and the status asks workers that are not there.
NO_LISTS = ("schema", "status", "health", "log_handler", "versions/", "users/logout", "users/session")
LISTED = [
    route
    for route in ROUTES
    if route.method == "get" and not route.in_project and not route.pattern.startswith(NO_LISTS)
]
KINDS = ("projects", "groups", "experiments", "jobs", "builds")
NOWHERE = 999_999
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")
    return World()


def text(client: APIClient, path: str) -> tuple[int, str]:
    answer = client.get(path)
    return answer.status_code, _MOMENT.sub("", answer.content.decode())


def seen_by(world: World, role: str) -> dict[str, tuple[int, str]]:
    """What the role is told outside of the project, of others' lists too."""
    client = world.clients[role]
    found = {}
    for route in LISTED:
        for name in (ORGANIZATION, "boss", f"the-{role}"):
            path = route.path({**world.values, "owner": name, "username": name})
            for query in ("", "?limit=1", f"?query=project.name:{SECRET}"):
                if path + query not in found:
                    found[path + query] = text(client, path + query)
    return found


@pytest.mark.parametrize("role", sorted(BLIND_TO_PROJECT))
def test_all_that_is_told_is_the_same_without_the_project(world: World, role: str) -> None:
    """Counts too, and what they add up to."""
    reader = world.users["member"] if role == "member" else User.objects.get(username="the-stranger")
    make_experiment(make_project(reader, "own"), reader)
    before = seen_by(world, role)
    for model in (Event, ActivityLog):
        model.objects.filter(project=world.project).delete()
    world.project.delete()
    after = seen_by(world, role)
    different = {path: (before[path], after[path]) for path in before if before[path] != after[path]}
    assert not different


@pytest.mark.parametrize("role", sorted(BLIND_TO_PROJECT))
def test_a_refusal_takes_the_same_work_as_for_what_is_not_there(world: World, role: str) -> None:
    different = {}
    for route in ROUTES:
        if not route.in_project or takes(route) == SERVICE:
            continue
        hidden, missing = statements(world, role, route), statements(world, role, route, project="no-such")
        if hidden != missing:
            different[route.name] = (hidden, missing)
    assert not different


def statements(world: World, role: str, route: Route, **values: Any) -> list[str]:
    """What the database is asked, with all values left out."""
    with CaptureQueriesContext(connection) as captured:
        world.ask(role, route, **values)
    asked = (statement["sql"] for statement in captured.captured_queries)
    return [re.sub(r"'[^']*'|\b\d+\b", "?", sql) for sql in asked if "SAVEPOINT" not in sql]


@pytest.mark.parametrize("method", ["head", "options"])
@pytest.mark.parametrize("role", [*sorted(BLIND_TO_PROJECT), "anonymous"])
def test_other_methods_tell_nothing_either(world: World, role: str, method: str) -> None:
    different = {}
    for pattern in {route.pattern: route for route in ROUTES if route.in_project}.values():
        codes = []
        for project in (SECRET, "no-such"):
            with transaction.atomic():
                answer = getattr(world.clients[role], method)(pattern.path({**world.values, "project": project}))
                transaction.set_rollback(True)
            codes.append((answer.status_code, answer.content.decode().replace(SECRET, "no-such")))
        if codes[0] != codes[1]:
            different[pattern.pattern] = codes
    assert not different


@pytest.fixture
def witness(world: World) -> APIClient:
    """A stranger who did all that can be remembered with the project while it was public, and before it was hidden."""
    Project.objects.filter(pk=world.project.pk).update(is_public=True)
    stranger = User.objects.get(username="the-stranger")
    client = client_of(stranger)
    items = {
        "groups": make_group(world.project),
        "experiments": world.experiment,
        "jobs": make_job(world.project),
        "builds": make_build(world.project),
    }
    base = f"/api/v1/{ORGANIZATION}/{SECRET}"
    for path in (base, *(f"{base}/{kind}/{item.pk}" for kind, item in items.items())):
        assert client.get(path).status_code == 200
        assert client.post(f"{path}/bookmark").status_code == 201
    add_bookmark(stranger, world.project)
    save_search(world.project, stranger, "experiments", query={"query": SECRET}, name=None, meta={})
    Project.objects.filter(pk=world.project.pk).update(is_public=False)
    return client


def counts(client: APIClient, path: str) -> int:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert SECRET not in answer.content.decode()
    return int(answer.json()["count"])


def test_nothing_that_was_seen_before_is_told_after(world: World, witness: APIClient) -> None:
    lists = [f"bookmarks/the-stranger/{kind}" for kind in KINDS]
    for path in (*lists, "historylogs", "activitylogs", "experiments"):
        assert counts(witness, path) == 0, path
    assert witness.get(f"/api/v1/searches/{ORGANIZATION}/{SECRET}/experiments").status_code == 404


def test_those_who_lost_their_role_see_no_archive_of_theirs(world: World) -> None:
    contributor = world.users["contributor"]
    archived = {
        "experiments": make_experiment(world.project, contributor),
        "jobs": make_job(world.project, contributor),
        "groups": make_group(world.project, contributor),
        "builds": make_build(world.project, contributor),
    }
    for item in archived.values():
        archive(item, contributor)
    client = world.clients["contributor"]
    paths = [f"archives/the-contributor/{kind}" for kind in archived]
    answers = [client.get(f"/api/v1/{path}").json()["count"] for path in paths]
    assert answers == [1] * len(paths)
    TeamMember.objects.filter(user=contributor).delete()
    assert [counts(client, path) for path in (*paths, "historylogs", "activitylogs")] == [0] * (len(paths) + 2)


def test_ids_of_hidden_rows_are_as_unknown_as_those_of_none(world: World) -> None:
    """In every place where a body or a query of an open project names another row."""
    stranger = User.objects.get(username="the-stranger")
    own = make_project(stranger, "own")
    mine, group = make_experiment(own), make_group(own)
    selection = make_selection(own, mine)
    hidden = {
        "experiment": world.experiment.pk,
        "group": world.values["groups/id"],
        "build": world.values["builds/id"],
        "job": world.values["jobs/id"],
        "view": world.values["{owner}/{project}/groups/{id}/chartviews/{view_id}"],
    }
    base = "/api/v1/the-stranger/own"
    asked: list[tuple[str, str, Any, str]] = [
        ("get", f"{base}/experiments?group=ID", None, "group"),
        ("get", f"{base}/experiments?query=group:ID", None, "group"),
        ("get", f"{base}/experiments?query=build.id:ID", None, "build"),
        ("get", f"{base}/experiments/ID", None, "experiment"),
        ("get", f"{base}/groups/{group.pk}/chartviews/ID", None, "view"),
        ("post", f"{base}/experiments", {"is_managed": False, "experiment_group": "ID"}, "group"),
        ("post", f"{base}/experiments", {"is_managed": False, "build_job": "ID"}, "build"),
        ("post", f"{base}/experiments", {"is_managed": False, "original_experiment": "ID"}, "experiment"),
        ("post", f"{base}/jobs", {"is_managed": False, "build_job": "ID"}, "build"),
        ("patch", f"{base}/experiments/{mine.pk}", {"original_experiment": "ID"}, "experiment"),
        ("post", f"{base}/groups", {"is_managed": False, "experiment_ids": ["ID"]}, "experiment"),
        ("patch", f"{base}/selections/{selection.pk}", {"operation": "add", "experiment_ids": ["ID"]}, "experiment"),
        ("post", f"{base}/experiments/stop", {"ids": ["ID"]}, "experiment"),
        ("delete", f"{base}/experiments/delete", {"ids": ["ID"]}, "experiment"),
    ]
    client = client_of(stranger)
    different = {}
    for method, path, body, kind in asked:
        answers = [ask(client, method, path, body, pk) for pk in (hidden[kind], NOWHERE)]
        if answers[0] != answers[1]:
            different[method, path, str(body)] = answers
    assert not different
    assert world.experiment.status == type(world.experiment).objects.get(pk=world.experiment.pk).status


def ask(client: APIClient, method: str, path: str, body: Any, pk: int) -> tuple[int, str]:
    """The answer, with the id that was asked for left out."""
    data = json.loads(json.dumps(body).replace('"ID"', str(pk)))
    with transaction.atomic():
        answer = getattr(client, method)(path.replace("ID", str(pk)), data, format=None if method == "get" else "json")
        transaction.set_rollback(True)
    told = re.sub(r'"(id|unique_name|created_at|updated_at|uuid)":("[^"]*"|\d+)', "", answer.content.decode())
    return answer.status_code, re.sub(rf"\b{pk}\b", "ID", told)
