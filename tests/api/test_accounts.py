"""What administrators do to accounts, and sessions of browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rest_framework.test import APIClient

from polyaxon import storage
from polyaxon.db.models import Event, Experiment, Owner, Project, User
from tests.api.conftest import P, client_of, url
from tests.factories import PASSWORD, make_experiment, make_project, make_user

if TYPE_CHECKING:
    from typing import Any

ROUTES = [
    ("post", "users/activate"),
    ("delete", "users/delete"),
    ("post", "superusers/grant"),
    ("post", "superusers/revoke"),
]


@pytest.mark.parametrize(("verb", "route"), ROUTES)
def test_accounts_are_the_administrators_business(
    client: APIClient, anonymous: APIClient, admin: User, other: User, verb: str, route: str
) -> None:
    experiment = make_experiment(make_project(admin), admin)
    run = client_of(admin, run=experiment.uuid)
    assert getattr(client, verb)(url(route, "oskar")).status_code == 403
    assert getattr(run, verb)(url(route, "oskar")).status_code == 403
    assert getattr(anonymous, verb)(url(route, "oskar")).status_code == 401
    assert getattr(client_of(admin), verb)(url(route, "nobody")).status_code == 404
    before = (other.is_active, other.is_staff, other.is_superuser)
    other.refresh_from_db()
    assert (other.is_active, other.is_staff, other.is_superuser) == before


def events(user: User) -> list[str]:
    return list(
        Event.objects.filter(object_id=user.pk, project=None).order_by("id").values_list("event_type", flat=True)
    )


def test_activating_lets_log_in(admin: User, other: User, anonymous: APIClient) -> None:
    User.objects.filter(pk=other.pk).update(is_active=False)
    login = {"username": "oskar", "password": PASSWORD}
    assert anonymous.post(url("users/token"), login).status_code == 400
    answer = client_of(admin).post(url("users/activate/oskar"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert anonymous.post(url("users/token"), login).status_code == 200
    assert events(other)[-1] == "user.activated"


def test_superusers_are_granted_and_revoked(admin: User, other: User) -> None:
    client = client_of(admin)
    assert client.post(url("superusers/grant/oskar")).status_code == 200
    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser) == (True, True)
    assert client.post(url("superusers/revoke/oskar/")).status_code == 200
    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser) == (False, False)
    assert events(other)[-2:] == ["superuser.granted", "superuser.revoked"]


def test_somebody_is_left_to_administer(admin: User, other: User) -> None:
    client = client_of(admin)
    refused = client.post(url("superusers/revoke/root-admin"))
    assert refused.status_code == 403
    assert "only active superuser" in refused.json()["detail"]
    assert client.delete(url("users/delete/root-admin")).status_code == 403
    client.post(url("superusers/grant/oskar"))
    assert client.post(url("superusers/revoke/root-admin")).status_code == 200
    assert User.objects.get(is_superuser=True) == other


@pytest.mark.django_db(transaction=True)
def test_deleting_an_account_takes_its_projects_and_their_files(admin: User) -> None:
    user = make_user("gone")
    project = make_project(user, "things")
    experiment = make_experiment(project)
    storage.logs().append(experiment.sub_path, ["a line"])
    assert storage.logs().size(experiment.sub_path)
    assert client_of(admin).delete(url("users/delete/gone")).status_code == 204
    assert not User.objects.filter(username="gone").exists()
    assert not Owner.objects.filter(name="gone").exists()
    assert not Project.objects.filter(pk=project.pk).exists()
    assert not storage.logs().size(experiment.sub_path)
    assert events(user)[-1] == "user.deleted"


def test_what_a_deleted_account_started_elsewhere_stays(admin: User, project: Project, owner: User) -> None:
    second = make_user("second-admin", superuser=True)
    experiment = make_experiment(project, second)
    assert client_of(admin).delete(url("users/delete/second-admin")).status_code == 204
    assert Experiment.objects.get(pk=experiment.pk).user == owner


def browser(user: str, **options: Any) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    body = {"username": user, "password": PASSWORD, **options}
    assert client.post(url("users/token"), body, format="json").status_code == 200
    return client


def test_logging_in_with_a_session_sets_the_cookies_that_pages_read(owner: User) -> None:
    client = browser("olga", login=True)
    assert client.cookies["user"].value == "olga"
    key = client.cookies["token"].value
    assert client.cookies["sessionid"]["httponly"]
    by_token = APIClient()
    by_token.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    assert by_token.get(url("users")).status_code == 200
    only_cookie = APIClient()
    only_cookie.cookies["token"] = key
    assert only_cookie.get(url("users")).status_code == 401
    client.get(url("users/logout"))
    assert {client.cookies[name].value for name in ("token", "user", "sessionid")} == {""}
    assert client.get(url("users")).status_code == 401


def test_logging_in_without_a_session_sets_none(owner: User) -> None:
    assert set(browser("olga").cookies) <= {"csrftoken"}


def test_a_session_is_refreshed(owner: User, anonymous: APIClient) -> None:
    by_token = client_of(owner)
    answer = by_token.post(url("users/session/refresh"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert {"sessionid", "csrftoken"} <= set(answer.cookies)
    by_token.credentials()
    assert by_token.get(url("users")).json()["username"] == "olga"
    assert anonymous.post(url("users/session/refresh")).status_code == 401


def test_refreshing_by_session_needs_the_csrf_token(owner: User) -> None:
    client = browser("olga", login=True)
    before = client.cookies["sessionid"].value
    assert client.post(url("users/session/refresh")).status_code == 403
    csrf = client.cookies["csrftoken"].value
    assert client.post(url("users/session/refresh"), HTTP_X_CSRFTOKEN=csrf).status_code == 200
    assert client.cookies["sessionid"].value != before
    assert client.get(P).status_code == 404
    assert client.get(url("users")).status_code == 200
