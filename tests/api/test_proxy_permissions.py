"""Who may open notebooks and tensorboards: every role, scope and kind of caller."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from api.proxy.targets import Forwarded
from polyaxon.db.models import (
    Experiment,
    Membership,
    NotebookJob,
    Organization,
    Project,
    ProjectRole,
    Team,
    TeamMember,
    TeamProject,
    TensorboardJob,
    User,
)
from polyaxon.security import tokens
from polyaxon.security.service_tokens import service_token
from tests.api.conftest import client_of
from tests.factories import make_experiment, make_group, make_notebook, make_project, make_tensorboard, make_user

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models.plugins import Plugin

OK, SENT_ON = 426, 302
# Of a notebook, and of a tensorboard.
WITH_ROLES = {
    "viewer": (403, OK),
    "contributor": (OK, OK),
    "maintainer": (OK, OK),
    "admin": (OK, OK),
}


def running(row: Plugin) -> Any:
    row.definition = {"service": {"address": "127.0.0.1:1", "attempt": 0}}
    row.status = "running"
    row.save()
    return row


@pytest.fixture
def notebook(project: Project) -> NotebookJob:
    found: NotebookJob = running(make_notebook(project))
    return found


@pytest.fixture
def tensorboard(project: Project) -> TensorboardJob:
    found: TensorboardJob = running(make_tensorboard(project))
    return found


def opened(client: Client, row: Plugin, **headers: str) -> int:
    return client.get(f"{row.proxy_path}tree", headers={"Accept": "*/*", **headers}).status_code


@pytest.mark.parametrize("role", WITH_ROLES)
def test_each_role(notebook: NotebookJob, tensorboard: TensorboardJob, project: Project, role: str) -> None:
    Project.objects.update(is_public=False)
    member = _with_role(project, role)
    client = client_of(member)
    assert (opened(client, notebook), opened(client, tensorboard)) == WITH_ROLES[role]


def _with_role(project: Project, role: str) -> User:
    """A private project of an organization, and a member of a team of it."""
    member = make_user(f"a-{role}")
    organization = Organization.objects.get(pk=_organization(project))
    Membership.objects.create(organization=organization, user=member, role="member")
    team = Team.objects.create(organization=organization, name=role)
    TeamMember.objects.create(team=team, user=member)
    TeamProject.objects.create(team=team, project=project, role=ProjectRole(role))
    return member


def _organization(project: Project) -> int:
    from polyaxon.actions.organizations import create_organization

    assert project.user is not None
    made = create_organization(project.user, "acme")
    project.owner = made.owner
    project.save()
    return int(made.pk)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [(["read"], (403, OK)), (["runs"], (OK, OK)), (["admin"], (OK, OK)), (["nonsense"], (403, 403))],
    ids=str,
)
def test_each_scope_of_a_token(
    notebook: NotebookJob, tensorboard: TensorboardJob, owner: User, scopes: list[str], expected: tuple[int, int]
) -> None:
    client = client_of(owner, scopes=scopes)
    assert (opened(client, notebook), opened(client, tensorboard)) == expected


def test_strangers(notebook: NotebookJob, tensorboard: TensorboardJob, stranger: APIClient, admin: User) -> None:
    """Everybody looks at public projects; of a private one they see nothing, not even that it is there."""
    assert (opened(stranger, notebook), opened(stranger, tensorboard)) == (403, OK)
    Project.objects.update(is_public=False)
    missing = NotebookJob(uuid=uuid.uuid4(), project=notebook.project)
    assert {opened(stranger, row) for row in (notebook, tensorboard, missing)} == {404}
    answers = [stranger.get(row.proxy_path).content for row in (notebook, missing)]
    assert answers[0] == answers[1]
    assert opened(client_of(admin), notebook) == OK


def test_runs_and_services_open_nothing(
    notebook: NotebookJob, tensorboard: TensorboardJob, owner: User, service: APIClient
) -> None:
    for row in (notebook, tensorboard):
        own = client_of(owner, run=row.uuid)
        assert opened(own, row) == 403
        assert opened(service, row) == 401


def test_nobody_is_asked_to_sign_in(notebook: NotebookJob, anonymous: APIClient) -> None:
    answer = anonymous.get(f"{notebook.proxy_path}tree?a=b", headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/users/login/?next={notebook.proxy_path}tree%3Fa%3Db",
    )
    assert opened(anonymous, notebook) == 401
    assert opened(anonymous, notebook, Authorization="Token nonsense") == 401
    # A token is no session: what is in the address is the service's.
    assert anonymous.get(f"{notebook.proxy_path}?token={'a' * 64}", headers={"Accept": "*/*"}).status_code == 401


def test_a_session_is_enough(notebook: NotebookJob, owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    answer = browser.get(notebook.proxy_path)
    assert isinstance(answer, Forwarded)
    assert answer.upstream.address == "127.0.0.1:1"
    assert answer.upstream.token == service_token(notebook.uuid)
    assert answer.upstream.user == owner.pk


def test_what_does_not_run_is_nowhere(notebook: NotebookJob, client: APIClient) -> None:
    NotebookJob.objects.update(status="scheduled")
    waiting = client.get(notebook.proxy_path)
    assert (waiting.status_code, waiting["Retry-After"], waiting["Refresh"]) == (503, "2", "2")
    assert b"is scheduled and does not answer yet" in waiting.content
    NotebookJob.objects.update(status="failed", status_message="exit code 3")
    assert b"failed (exit code 3)" in client.get(notebook.proxy_path).content
    assert opened(client, notebook) == 404
    NotebookJob.objects.update(status="running", attempt=2)  # its address was the attempt's before
    assert opened(client, notebook) == 503
    NotebookJob.objects.update(deleted=True)
    assert opened(client, notebook) == 404


def test_one_kind_is_not_the_other(notebook: NotebookJob, tensorboard: TensorboardJob, client: APIClient) -> None:
    for row, other in ((notebook, "tensorboard"), (tensorboard, "notebook")):
        assert client.get(f"/{other}/proxy/{row.pod_id}/").status_code == 404
        assert client.get(f"/{other}/proxy/plx-{other}-{row.uuid.hex}/").status_code == 404


@pytest.mark.parametrize("place", ["", "experiments", "groups"])
def test_the_addresses_that_people_know(project: Project, client: APIClient, place: str) -> None:
    experiment, group = make_experiment(project), make_group(project)
    shown: dict[str, Any] = {"": {}, "experiments": {"experiment": experiment}, "groups": {"group": group}}
    item = {"": "", "experiments": f"experiments/{experiment.pk}/", "groups": f"groups/{group.pk}/"}[place]
    path = f"/tensorboard/olga/digits/{item}"
    assert client.get(path).status_code == 404
    row = make_tensorboard(project, **shown[place])
    assert client.get(path).status_code == 503
    running(row)
    answer = client.get(f"{path}?token=abc&darkMode=true")
    assert (answer.status_code, answer["Location"]) == (302, f"{row.proxy_path}?darkMode=true")
    assert client.get(path.rstrip("/"))["Location"] == row.proxy_path
    assert client.get(f"/tensorboards{path.removeprefix('/tensorboard')}").status_code == SENT_ON


@pytest.mark.parametrize(("backend", "rest"), [("notebook", "tree"), ("lab", "lab")])
def test_a_notebook_opens_at_its_program(notebook: NotebookJob, client: APIClient, backend: str, rest: str) -> None:
    NotebookJob.objects.update(backend=backend)
    assert client.get("/notebook/olga/digits/")["Location"] == f"{notebook.proxy_path}{rest}"
    assert client.get("/notebook/olga/digits/notebooks/a b.ipynb")["Location"] == (
        f"{notebook.proxy_path}notebooks/a%20b.ipynb"
    )


def test_addresses_of_others(notebook: NotebookJob, client: APIClient, stranger: APIClient) -> None:
    assert client.get("/notebook/olga/nothing/").status_code == 404
    assert stranger.get("/notebook/olga/digits/").status_code == 403
    Project.objects.update(is_public=False)
    assert stranger.get("/notebook/olga/digits/").status_code == 404
    foreign = make_experiment(make_project(None, "second"))
    assert client.get(f"/tensorboard/olga/digits/experiments/{foreign.pk}/").status_code == 404
    assert Experiment.objects.filter(pk=foreign.pk).exists()


def test_the_cookies_of_old_pages_are_not_for_notebooks(owner: User) -> None:
    owner.set_password("a-password-1")
    owner.save()
    browser = Client()
    browser.post("/users/login/", {"username": "olga", "password": "a-password-1"})
    assert {browser.cookies[name]["path"] for name in ("token", "user")} == {"/app"}
    assert browser.cookies["sessionid"]["httponly"]
    assert tokens.find(browser.cookies["token"].value) is not None


def test_opening_one_counts_as_use(notebook: NotebookJob, project: Project) -> None:
    NotebookJob.objects.update(heartbeat_at=None)
    assert opened(client_of(make_user("stranger")), notebook) != OK
    notebook.refresh_from_db()
    assert notebook.heartbeat_at is None
    assert project.user is not None
    assert opened(client_of(project.user), notebook) == OK
    notebook.refresh_from_db()
    assert notebook.heartbeat_at is not None
