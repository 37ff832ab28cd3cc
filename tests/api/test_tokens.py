"""Tokens with scopes, passwords, sessions, and how often one may try."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from api.addresses import client_address
from api.throttling import Rate
from polyaxon.db.models import Token, User
from polyaxon.security import tokens
from polyaxon.security.scopes import SCOPES, Verb, allows, reach, roles_for
from tests.api.conftest import P, client_of, url
from tests.factories import PASSWORD

if TYPE_CHECKING:
    from polyaxon.db.models import Experiment, Project

NEW = "another horse, another staple"


def with_key(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def test_a_token_is_named_scoped_and_shown_once(client: APIClient) -> None:
    made = client.post(url("users/tokens"), {"name": "ci", "scopes": ["runs"]}, format="json")
    assert made.status_code == 201
    assert len(made.json()["token"]) == 64
    rows = client.get(url("users/tokens")).json()["results"]
    assert [(row["name"], row["scopes"], row["current"]) for row in rows] == [("ci", ["runs"], False), ("", [], True)]
    assert all("token" not in row and made.json()["token"] not in str(row) for row in rows)


def test_a_token_ends_when_it_is_deleted_or_expires(client: APIClient, stranger: APIClient) -> None:
    soon = timezone.now() + timedelta(hours=1)
    made = client.post(url("users/tokens"), {"name": "a", "expires": soon.isoformat()}, format="json").json()
    assert made["expires"].startswith(soon.strftime("%Y-%m-%dT%H:%M"))
    key = with_key(made["token"])
    assert key.get(url("users")).status_code == 200
    assert stranger.delete(url("users/tokens", made["id"])).status_code == 404
    assert key.get(url("users")).status_code == 200
    assert client.delete(url("users/tokens", made["id"])).status_code == 204
    assert key.get(url("users")).status_code == 401


def test_expired_tokens_go_with_the_next_one(owner: User, client: APIClient) -> None:
    tokens.issue(owner)
    Token.objects.order_by("-pk")[:1].get().delete()
    old = tokens.create(owner, name="old")[1]
    Token.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    client.post(url("users/tokens"), {"name": "new"}, format="json")
    assert not Token.objects.filter(name="old").exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "a", "scopes": ["all"]}, "scopes"),
        ({"name": "a", "expires": "2001-01-01T00:00:00Z"}, "expires"),
        ({"name": "a", "expires": "soon"}, "expires"),
    ],
)
def test_nonsense_about_a_token_is_400(client: APIClient, body: dict[str, Any], field: str) -> None:
    answer = client.post(url("users/tokens"), body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize("scopes", [["read"], ["runs"], ["write"]])
def test_a_scoped_token_makes_no_stronger_one(owner: User, scopes: list[str]) -> None:
    client = client_of(owner, scopes=scopes)
    assert client.post(url("users/tokens"), {"name": "all"}, format="json").status_code == 403
    assert Token.objects.count() == 1


def test_scopes_that_nobody_knows_allow_nothing(owner: User, project: Project) -> None:
    assert client_of(owner, scopes=["other"]).get(P).status_code == 403
    assert reach(["other"]) is None
    assert reach([]) is Verb.ADMIN


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_includes_those_below_it(scope: str) -> None:
    assert [allows([scope], verb) for verb in Verb] == [verb <= SCOPES[scope] for verb in Verb]
    assert len(roles_for(SCOPES[scope])) == len(Verb) + 1 - SCOPES[scope]


def test_a_token_for_runs_starts_runs_and_no_more(owner: User, project: Project, experiment: Experiment) -> None:
    runs = client_of(owner, scopes=["runs"])
    assert runs.post(f"{P}/experiments", {"is_managed": False}, format="json").status_code == 201
    assert runs.delete(f"{P}/experiments/{experiment.pk}").status_code == 403
    assert runs.patch(P, {"description": "x"}, format="json").status_code == 403
    assert runs.post(url("projects"), {"name": "new"}, format="json").status_code == 403
    refused = runs.delete(P).json()["detail"]
    assert refused == "This needs a token with the scope `admin`; this one has runs."


def test_a_new_password_ends_the_other_tokens(owner: User, client: APIClient, experiment: Experiment) -> None:
    second, run = client_of(owner), client_of(owner, run=experiment.uuid)
    answer = client.post(url("users/password"), {"old": PASSWORD, "new": NEW}, format="json")
    assert answer.status_code == 200
    assert client.get(url("users")).status_code == 200
    assert second.get(url("users")).status_code == 401
    assert run.get(P).status_code == 200  # what runs goes on
    login = APIClient().post(url("users/token"), {"username": "olga", "password": NEW})
    assert login.status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", NEW, "old"),
        (PASSWORD, "password1", "new"),
        (PASSWORD, "short", "new"),
        (PASSWORD, "12345678901", "new"),
    ],
)
def test_a_weak_password_or_a_wrong_old_one_is_refused(
    owner: User, client: APIClient, old: str, new: str, field: str
) -> None:
    answer = client.post(url("users/password"), {"old": old, "new": new}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert User.objects.get(pk=owner.pk).check_password(PASSWORD)


def test_a_session_is_opened_and_ended_with_the_csrf_token(owner: User) -> None:
    browser, who = APIClient(enforce_csrf_checks=True), {"username": "olga", "password": PASSWORD}
    assert browser.post(url("users/session"), who, format="json").status_code == 403
    first = browser.get(url("users/session")).json()
    assert first["user"] is None
    opened = browser.post(url("users/session"), who, format="json", HTTP_X_CSRFTOKEN=first["csrf_token"])
    assert opened.json()["user"] == "olga"
    assert browser.cookies["sessionid"]["httponly"]
    assert browser.cookies["sessionid"]["samesite"] == "Lax"
    assert browser.get(url("users")).status_code == 200
    assert browser.delete(url("users/session")).status_code == 403
    ended = browser.delete(url("users/session"), HTTP_X_CSRFTOKEN=opened.json()["csrf_token"])
    assert ended.status_code == 200
    assert browser.get(url("users/session")).json()["user"] is None
    assert browser.get(url("users")).status_code == 401


def test_a_new_password_keeps_this_session_and_ends_others(owner: User) -> None:
    here, there = APIClient(), APIClient()
    for browser in (here, there):
        browser.post(url("users/session"), {"username": "olga", "password": PASSWORD}, format="json")
    assert here.post(url("users/password"), {"old": PASSWORD, "new": NEW}, format="json").status_code == 200
    assert here.get(url("users")).status_code == 200
    assert there.get(url("users")).status_code == 401


def test_pages_of_other_sites_open_no_session(owner: User) -> None:
    body = {"username": "olga", "password": PASSWORD, "login": "true"}
    assert APIClient().post(url("users/token"), body, HTTP_ORIGIN="https://evil.example").status_code == 403
    assert APIClient().post(url("users/token"), body, HTTP_ORIGIN="http://testserver").status_code == 200
    assert APIClient().post(url("users/token"), body).status_code == 200


def test_logins_as_one_user_are_throttled_from_all_addresses(owner: User, settings: Any) -> None:
    limit = settings.CONFIG.security.throttle_rates_login_name
    body = {"username": "Olga", "password": "wrong"}
    answers = [
        APIClient().post(url("users/token"), body, REMOTE_ADDR=f"10.0.0.{number}") for number in range(limit + 1)
    ]
    assert [answer.status_code for answer in answers] == [400] * limit + [429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    other = APIClient().post(url("users/token"), {"username": "oskar", "password": "wrong"}, REMOTE_ADDR="10.0.0.99")
    assert other.status_code == 400


def test_a_window_of_a_rate_ends(owner: User, client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Rate.THROTTLE_RATES, "user", "2/min")
    codes = [client.get(url("users")).status_code for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 61)
    assert client.get(url("users")).status_code == 200


class Peer:
    def __init__(self, address: str, forwarded: str | None = None) -> None:
        self.META = {"REMOTE_ADDR": address} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ([], "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", None, "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.3", "10.0.0.3"),
        (["10.0.0.1"], "10.0.0.9", "1.2.3.4", "10.0.0.9"),
        (["::1"], "::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_are_believed(
    settings: Any, trusted: list[str], peer: str, forwarded: str | None, address: str
) -> None:
    server = settings.CONFIG.server.model_copy(update={"trusted_proxies": trusted})
    settings.CONFIG = replace(settings.CONFIG, server=server)
    assert client_address(Peer(peer, forwarded)) == address
