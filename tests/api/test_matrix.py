"""Role by verb, on every route that the URL configuration has: a new route falls under it by itself.

What a route takes is told by its method unless `TAKES` says otherwise; who may do that, by `ALLOWED`.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api.throttling import Rate
from polyaxon.actions import organizations as orgs
from polyaxon.actions.chart_views import create_chart_view
from polyaxon.actions.statuses import first_status
from polyaxon.db.models import ExperimentJob, Project, ProjectRole, User
from tests.api.conftest import client_of
from tests.api.routes import Route, all_routes
from tests.factories import (
    make_build,
    make_experiment,
    make_group,
    make_job,
    make_notebook,
    make_project,
    make_selection,
    make_tensorboard,
    make_user,
)

pytestmark = pytest.mark.slow

READ, RUN, MAINTAIN, ADMIN = "read", "run", "maintain", "admin"
# Outside of projects.
PUBLIC = "public"  # everybody, anonymous ones too
LOOK = "look"  # whoever is logged in
CREATE = "create"  # projects of one's own
SELF = "self"  # changes of one's own account
STAFF = "staff"
MEMBER, LEAD = "member", "lead"  # of the organization
GRANT = "grant"  # roles: the project in the body decides, see test_organizations
MARK = "mark"  # what every reader of a project may do, with a token that is not for reading only
SERVICE = "service"  # the platform's services only

BY_METHOD = {"get": READ, "post": RUN, "put": MAINTAIN, "patch": MAINTAIN, "delete": MAINTAIN}

P = "{owner}/{project}"
ORG = "orgs/{org}"
TEAM = ORG + "/teams/{team}"
TAKES = {
    f"DELETE {P}": ADMIN,
    f"POST {P}/archive": ADMIN,
    f"POST {P}/restore": ADMIN,
    f"PUT {P}/repo/upload": RUN,
    **{f"PUT {P}/{kind}/{{id}}/artifacts/content": RUN for kind in ("experiments", "jobs")},
    "POST projects": CREATE,
    "GET {owner}": MEMBER,
    "GET {owner}/projects/name": MEMBER,
    "GET {owner}/projects/names": MEMBER,
    "GET {owner}/options": LEAD,
    "POST {owner}/options": LEAD,
    "GET options": STAFF,
    # Organizations
    "POST orgs": SELF,
    "GET orgs": LOOK,
    f"DELETE {ORG}": LEAD,
    f"PATCH {ORG}": LEAD,
    f"POST {ORG}/members": LEAD,
    f"PUT {ORG}/members/{{username}}": LEAD,
    f"DELETE {ORG}/members/{{username}}": LEAD,
    f"POST {ORG}/teams": LEAD,
    f"PATCH {TEAM}": LEAD,
    f"DELETE {TEAM}": LEAD,
    f"POST {TEAM}/members": LEAD,
    f"DELETE {TEAM}/members/{{username}}": LEAD,
    f"POST {TEAM}/projects": GRANT,
    f"PUT {TEAM}/projects/{{name}}": ADMIN,
    f"DELETE {TEAM}/projects/{{name}}": ADMIN,
    # Accounts
    "GET schema": PUBLIC,
    "GET schema/polyaxonfile": PUBLIC,
    "GET docs": PUBLIC,
    "GET docs/{name}": PUBLIC,
    "GET health": PUBLIC,
    "GET status": PUBLIC,
    "GET versions/cli": PUBLIC,
    "GET versions/platform": PUBLIC,
    "GET versions/lib": PUBLIC,
    "GET versions/chart": PUBLIC,
    "GET log_handler": PUBLIC,
    "POST users/token": PUBLIC,
    "GET users/logout": PUBLIC,
    "GET users/session": PUBLIC,
    "POST users/session": PUBLIC,
    "DELETE users/session": PUBLIC,
    "POST users/activate/{username}": STAFF,
    "DELETE users/delete/{username}": STAFF,
    "POST superusers/grant/{username}": STAFF,
    "POST superusers/revoke/{username}": STAFF,
}
# Beginnings of routes outside of projects, and what changing takes there; looking takes a login.
STAFF_AREAS = ("catalogs/", "nodes/", "cluster/", "options")
# These answer 403, not 401, to those who are not logged in.
NO_CHALLENGE = ("catalogs/", "options")
# Ends of routes, whatever kind of item they stand below.
TAKES_BY_END = {
    "/archive": {"post": MAINTAIN},
    "/restore": {"post": MAINTAIN},
    "/bookmark": {"post": MARK},
    "/unbookmark": {"post": MARK, "delete": MARK},
    "/impersonatetoken": {"post": SERVICE},
    "/ephemeraltoken": {"post": SERVICE},
    "{id}/token": {"post": SERVICE},
    "/invalidate": {"post": MAINTAIN},
    "/repo/external": {"post": MAINTAIN},
    "/ci": {"post": MAINTAIN},
    "/{search_id}": {"delete": RUN},  # of one's own search
}

LADDER = (READ, MARK, RUN, MAINTAIN, ADMIN)
ANYBODY = {PUBLIC, LOOK, CREATE, SELF}


def up_to(verb: str) -> set[str]:
    return {*LADDER[: LADDER.index(verb) + 1], *ANYBODY}


# Who may do what to a private project of an organization, and around it.
ALLOWED: dict[str, set[str]] = {
    "anonymous": {PUBLIC},
    "stranger": ANYBODY,
    "member": {*ANYBODY, MEMBER, GRANT},
    "viewer": {*up_to(MARK), MEMBER, GRANT},
    "contributor": {*up_to(RUN), MEMBER, GRANT},
    "maintainer": {*up_to(MAINTAIN), MEMBER, GRANT},
    "project admin": {*up_to(ADMIN), MEMBER, GRANT},
    "org owner": {*up_to(ADMIN), MEMBER, GRANT, LEAD},
    "staff": {*up_to(ADMIN), MEMBER, GRANT, LEAD, STAFF},
    # A run's token reads what its user reads; where it writes stands in RUN_WRITES.
    "run": {PUBLIC, LOOK, READ, MEMBER},
    # Tokens of a project admin.
    "scope read": {PUBLIC, LOOK, READ, MEMBER},
    "scope runs": {PUBLIC, LOOK, READ, MARK, RUN, MEMBER},
    "scope write": {PUBLIC, LOOK, READ, MARK, RUN, MAINTAIN, CREATE, MEMBER},
    "scope admin": {*up_to(ADMIN), MEMBER, GRANT},
}
# Who does not even learn that the project, or the organization, is there.
BLIND_TO_PROJECT = {"stranger", "member"}
BLIND_TO_ORG = {"stranger"}

E = f"{P}/experiments/{{id}}"
# Where the token of a run writes: below its own run.
RUN_WRITES = {
    f"PATCH {E}",
    f"PUT {E}",
    f"POST {E}/stop",
    f"POST {E}/statuses",
    f"POST {E}/metrics",
    f"POST {E}/artifacts",
    f"PUT {E}/artifacts/content",
    f"POST {E}/coderef",
    f"POST {E}/logs",
    f"POST {E}/_heartbeat",
    f"POST {E}/jobs",
    f"PATCH {E}/jobs/{{job_id}}",
    f"PUT {E}/jobs/{{job_id}}",
    f"POST {E}/jobs/{{job_id}}/statuses",
    f"PATCH {E}/jobs/{{job_id}}/statuses/{{uuid}}",
    f"PUT {E}/jobs/{{job_id}}/statuses/{{uuid}}",
    f"POST {E}/jobs/{{job_uuid}}/_reconcile",
    f"POST {E}/chartviews",
    f"PATCH {E}/chartviews/{{view_id}}",
    f"PUT {E}/chartviews/{{view_id}}",
}

# What may be missing although the caller may read it.
MAY_BE_MISSING = (
    "/outputs/files",
    "/repo",
    "/repo/download",
    "/resources",  # nothing was measured
    "/ci",
    "docs/{name}",
    "_access/{name}",
    "data_stores/{name}",
    "k8s_config_maps/{name}",
    "k8s_secrets/{name}",
    "nodes/{sequence}",
    "webhooks/{id}",
    "webhooks/{id}/deliveries",
    "nodes/{sequence}/gpus",
    "/gpus/{index}",
)
SECRET, ORGANIZATION = "hush-hush", "acme"


def takes(route: Route) -> str:
    """What a caller needs for the route."""
    return TAKES.get(route.name) or (_takes_in_project(route) if route.in_project else _takes_elsewhere(route))


def _takes_in_project(route: Route) -> str:
    if f"{P}/webhooks" in route.pattern:
        return ADMIN  # looking, too: their addresses may hold secrets
    for end, methods in TAKES_BY_END.items():
        if route.pattern.endswith(end) and route.method in methods:
            return methods[route.method]
    return BY_METHOD[route.method]


def _takes_elsewhere(route: Route) -> str:
    if route.pattern.startswith(TEAM + "/projects/"):
        return READ
    if route.pattern.startswith(ORG):
        return MEMBER
    if route.method == "get":
        return LOOK
    return STAFF if route.pattern.startswith(STAFF_AREAS) else SELF


def expected(role: str, route: Route) -> set[int]:
    """Codes that the role may get; empty: any that is no refusal."""
    verb = takes(route)
    if verb in ALLOWED[role] or (role == "run" and route.name in RUN_WRITES):
        return set()
    if role == "anonymous":
        return {403} if route.pattern.startswith(NO_CHALLENGE) else {401}
    if verb == SERVICE:
        return {401, 404}
    return {404} if _blind(role, route) else {403}


def _blind(role: str, route: Route) -> bool:
    if route.in_project:
        return role in BLIND_TO_PROJECT
    if route.pattern.startswith(TEAM + "/projects/") and role in BLIND_TO_PROJECT:
        return True
    return route.pattern.startswith((ORG, "{owner}")) and role in BLIND_TO_ORG


class Answer(NamedTuple):
    code: int
    text: str


class World:
    """One private project with one of everything, and somebody in every role."""

    def __init__(self) -> None:
        self.boss = make_user("boss")
        self.organization = orgs.create_organization(self.boss, ORGANIZATION)
        self.users = {role: self._member(role) for role in (*ProjectRole.values, "runner", "member")}
        self.project = make_project(self.boss, SECRET, owner=ORGANIZATION, is_public=False)
        for role in (*ProjectRole.values, "runner"):
            self._team(role, "contributor" if role == "runner" else role)
        self.values = self._values()
        self.clients = self._clients()

    def _member(self, name: str) -> User:
        user = make_user(f"the-{name}")
        orgs.set_member(self.organization, user.username, "member", actor=self.boss)
        return user

    def _team(self, name: str, role: str) -> None:
        team = orgs.create_team(self.organization, f"{name}-crew", actor=self.boss)
        orgs.add_team_member(team, f"the-{name}", actor=self.boss)
        orgs.set_team_role(team, self.project, role, actor=self.boss)

    def _values(self) -> dict[str, Any]:
        """Parameters of addresses. The experiment is the runner's, everything else the boss's."""
        self.experiment = make_experiment(self.project, self.users["runner"], name="hush-trial", is_managed=False)
        replica = ExperimentJob.objects.create(experiment=self.experiment)
        first_status(replica)
        job, group = make_job(self.project, is_managed=False), make_group(self.project)
        build = make_build(self.project, is_managed=False)
        views = [create_chart_view(item, self.boss, {"charts": []}) for item in (self.experiment, group)]
        return {
            f"{E}/statuses/{{uuid}}": _status(self.experiment),
            f"{E}/jobs/{{job_id}}/statuses/{{uuid}}": _status(replica),
            f"{P}/jobs/{{id}}/statuses/{{uuid}}": _status(job),
            f"{P}/builds/{{id}}/statuses/{{uuid}}": _status(build),
            f"{E}/chartviews/{{view_id}}": views[0].pk,
            f"{P}/groups/{{id}}/chartviews/{{view_id}}": views[1].pk,
            "builds/id": build.pk,
            "notebooks/id": make_notebook(self.project).pk,
            "tensorboards/id": make_tensorboard(self.project).pk,
            "owner": ORGANIZATION,
            "project": SECRET,
            "org": ORGANIZATION,
            "team": "viewer-crew",
            "teams/team": "viewer-crew",
            "username": "the-runner",
            "name": SECRET,
            "experiments/id": self.experiment.pk,
            "jobs/id": job.pk,
            "groups/id": group.pk,
            "selections/id": make_selection(self.project, self.experiment).pk,
            "jobs/job_id": replica.pk,
            "jobs/job_uuid": replica.uuid.hex,
        }

    def _clients(self) -> dict[str, APIClient]:
        users, admin = self.users, self.users["admin"]
        return {
            "anonymous": client_of(),
            "stranger": client_of(make_user("the-stranger")),
            "member": client_of(users["member"]),
            "viewer": client_of(users["viewer"]),
            "contributor": client_of(users["contributor"]),
            "maintainer": client_of(users["maintainer"]),
            "project admin": client_of(admin),
            "org owner": client_of(self.boss),
            "staff": client_of(make_user("the-staff", superuser=True)),
            "run": client_of(users["runner"], run=self.experiment.uuid),
            **{f"scope {scope}": client_of(admin, scopes=[scope]) for scope in ("read", "runs", "write", "admin")},
        }

    def ask(self, role: str, route: Route, **values: Any) -> Answer:
        """The answer to a request whose writes are undone."""
        path = route.path({**self.values, **values})
        with transaction.atomic():
            answer = getattr(self.clients[role], route.method)(path, {}, format="json")
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
        return Answer(answer.status_code, body.decode("latin-1"))

    def get(self, role: str, path: str) -> Answer:
        answer = self.clients[role].get(path)
        return Answer(answer.status_code, answer.content.decode())

    @property
    def secrets(self) -> list[str]:
        """What only those may read who may read the project."""
        return [SECRET, self.project.uuid.hex, self.experiment.uuid.hex, "hush-trial"]


def _status(item: Any) -> str:
    uuid: str = item.statuses.first().uuid.hex
    return uuid


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")
    return World()


ROUTES = all_routes()


def allowed(answer: Answer, route: Route) -> bool:
    if answer.code == 404 and route.method == "get":
        return route.pattern.endswith(MAY_BE_MISSING)
    return answer.code not in {401, 403} and answer.code < 500


@pytest.mark.parametrize("role", ALLOWED)
def test_roles_on_a_private_project(world: World, role: str) -> None:
    wrong = {}
    for route in ROUTES:
        if route.name == "GET schema" and role != "anonymous":
            continue  # takes seconds, and asks for nobody
        answer, codes = world.ask(role, route), expected(role, route)
        if not (answer.code in codes if codes else allowed(answer, route)):
            wrong[route.name] = (takes(route), answer.code, sorted(codes), answer.text[:200])
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


@pytest.mark.parametrize("role", ["stranger", "member", "viewer"])
def test_a_public_project_is_read_by_all_and_changed_by_roles(world: World, role: str) -> None:
    Project.objects.update(is_public=True)
    wrong = {}
    for route in ROUTES:
        if not route.in_project:
            continue
        answer, verb = world.ask(role, route), takes(route)
        right = allowed(answer, route) if verb in {READ, MARK} else answer.code in {401, 403}
        if not right:
            wrong[route.name] = (verb, answer)
    assert not wrong


@pytest.mark.parametrize("role", sorted(BLIND_TO_PROJECT))
def test_a_private_project_answers_like_one_that_does_not_exist(world: World, role: str) -> None:
    different = {}
    for route in ROUTES:
        if not route.in_project or takes(route) == SERVICE:
            continue
        hidden, missing = world.ask(role, route), world.ask(role, route, project="no-such")
        if hidden.code != 404 or hidden.text.replace(SECRET, "no-such") != missing.text:
            different[route.name] = (hidden, missing)
    assert not different


@pytest.mark.parametrize("role", sorted(BLIND_TO_PROJECT))
@pytest.mark.parametrize("query", ["", "?query=project.name:hush-hush", "?query=name:%25hush%25", "?limit=1"])
def test_no_list_tells_of_a_private_project(world: World, role: str, query: str) -> None:
    told = {}
    for route in ROUTES:
        if route.method != "get" or route.in_project or route.name == "GET schema" or "{name}" in route.pattern:
            continue
        answer = world.get(role, route.path(world.values) + query)
        if answer.code == 200 and any(word in answer.text for word in world.secrets):
            told[route.name] = answer
    assert not told
    assert json.loads(world.get(role, "/api/v1/experiments" + query).text)["count"] == 0
    assert json.loads(world.get(role, "/api/v1/activitylogs").text)["count"] == 0


def test_the_project_is_told_to_those_who_may_read_it(world: World) -> None:
    """The words that the tests above look for do appear in the answers."""
    assert SECRET in world.get("viewer", f"/api/v1/{ORGANIZATION}").text
    assert world.experiment.uuid.hex in world.get("viewer", "/api/v1/experiments").text
    assert json.loads(world.get("viewer", "/api/v1/activitylogs").text)["count"] > 0


def test_the_tables_name_routes_that_exist() -> None:
    names = {route.name for route in ROUTES}
    assert set(TAKES) <= names
    assert names >= RUN_WRITES
    assert all(any(route.pattern.endswith(end) for route in ROUTES) for end in (*TAKES_BY_END, *MAY_BE_MISSING))


def test_every_role_meets_routes_that_it_may_use_and_others(world: World) -> None:
    for role, verbs in ALLOWED.items():
        usable = [route for route in ROUTES if takes(route) in verbs]
        assert 0 < len(usable) < len(ROUTES), role


def test_permissions_take_a_constant_number_of_queries(world: World) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert world.get("contributor", f"/api/v1/{ORGANIZATION}/{SECRET}/experiments").code == 200
        return len(captured)

    before = count()
    for number in range(10):
        team = orgs.create_team(world.organization, f"more-{number}", actor=world.boss)
        orgs.add_team_member(team, "the-contributor", actor=world.boss)
        orgs.set_team_role(team, world.project, "viewer", actor=world.boss)
    assert count() == before
