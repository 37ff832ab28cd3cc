"""Who is let in, and what a run's token may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from api import authentication
from polyaxon.db.models import Experiment, Project, Token, User
from polyaxon.security import tokens
from tests.api.conftest import P, client_of, url
from tests.factories import PASSWORD, make_experiment, make_job


def with_header(value: str, **headers: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=value, **headers)
    return client


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN"])
def test_the_keyword_is_taken_in_any_case(owner: User, keyword: str) -> None:
    answer = with_header(f"{keyword} {tokens.issue(owner)}").get(url("users"))
    assert answer.status_code == 200
    assert answer.json() == {"username": "olga", "email": None, "is_superuser": False}


@pytest.mark.parametrize("header", ["Token", "Token a b", "Token unknown", "Token \xff", "Bearer x"])
def test_a_wrong_header_is_401(db: None, header: str) -> None:
    answer = with_header(header).get(url("users"))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert answer.json()["detail"]


def test_no_header_is_401(anonymous: APIClient, project: Project) -> None:
    for path in (url("users"), P, f"{P}/experiments", url("experiments"), url("olga"), url("activitylogs")):
        assert anonymous.get(path).status_code == 401


def test_an_expired_token_and_an_inactive_user_are_401(owner: User) -> None:
    client = client_of(owner)
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(url("users")).status_code == 401
    client = client_of(owner)
    User.objects.update(is_active=False)
    assert client.get(url("users")).status_code == 401


@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_login_gives_a_token_that_works(owner: User, anonymous: APIClient, body_format: str) -> None:
    answer = anonymous.post(url("users/token"), {"username": "olga", "password": PASSWORD}, format=body_format)
    assert answer.status_code == 200
    assert with_header(f"Token {answer.json()['token']}").get(url("users")).json()["username"] == "olga"


def test_login_takes_a_form(owner: User, anonymous: APIClient) -> None:
    body = f"username=olga&password={PASSWORD.replace(' ', '+')}"
    answer = anonymous.post(url("users/token/"), body, content_type="application/x-www-form-urlencoded")
    assert len(answer.json()["token"]) == 64


def test_a_wrong_password_is_400(owner: User, anonymous: APIClient) -> None:
    answer = anonymous.post(url("users/token"), {"username": "olga", "password": "wrong"})
    assert answer.status_code == 400
    assert list(answer.json()) == ["non_field_errors"]
    assert anonymous.post(url("users/token"), {"username": "olga"}).json() == {"password": ["This field is required."]}


def test_logins_are_throttled_by_address_whatever_is_forwarded(
    owner: User, anonymous: APIClient, settings: Any
) -> None:
    limit = settings.CONFIG.security.throttle_rates_login
    codes = {
        anonymous.post(
            url("users/token"),
            {"username": "olga", "password": "wrong"},
            HTTP_X_FORWARDED_FOR=f"10.0.0.{number}",
        ).status_code
        for number in range(limit + 1)
    }
    assert codes == {400, 429}


def test_login_can_open_a_session_whose_writes_need_the_csrf_token(owner: User) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.post(url("users/token"), {"username": "olga", "password": PASSWORD, "login": True}, format="json")
    assert browser.get(url("users")).status_code == 200
    assert browser.post(url("projects"), {"name": "x1"}, format="json").status_code == 403
    csrf = browser.cookies["csrftoken"].value
    created = browser.post(url("projects"), {"name": "x1"}, format="json", HTTP_X_CSRFTOKEN=csrf)
    assert created.status_code == 201
    assert browser.get(url("users/logout")).status_code == 200
    assert browser.get(url("users")).status_code == 401


def test_services_use_their_endpoints_on_every_project(experiment: Experiment, service: APIClient) -> None:
    Project.objects.update(is_public=False)
    base = f"{P}/experiments/{experiment.pk}"
    assert service.post(f"{base}/_heartbeat").status_code == 200
    assert service.get(f"{base}/statuses").status_code == 200
    assert service.post(f"{base}/metrics", {"values": {"a": 1}}, format="json").status_code == 201
    assert service.get(base).status_code == 401
    assert service.delete(base).status_code == 401


def test_a_service_without_name_or_with_a_wrong_secret_is_401(experiment: Experiment) -> None:
    path = f"{P}/experiments/{experiment.pk}/statuses"
    assert with_header("InternalToken only-for-tests").get(path).status_code == 401
    assert with_header("InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL="who").get(path).status_code == 401
    assert with_header("InternalToken wrong", HTTP_X_POLYAXON_INTERNAL="sidecar").get(path).status_code == 401
    assert with_header("InternalToken", HTTP_X_POLYAXON_INTERNAL="sidecar").get(path).status_code == 401


def test_without_a_configured_secret_one_is_generated(settings: Any, tmp_path: Any, monkeypatch: Any) -> None:
    from dataclasses import replace

    core = settings.CONFIG.core.model_copy(update={"secret_internal_token": "", "data_dir": tmp_path})
    settings.CONFIG = replace(settings.CONFIG, core=core)
    authentication._generated_secret.cache_clear()
    secret = authentication.internal_secret()
    authentication._generated_secret.cache_clear()
    assert len(secret) > 32
    assert secret == authentication.internal_secret()
    authentication._generated_secret.cache_clear()


@pytest.fixture
def run(owner: User, experiment: Experiment) -> APIClient:
    return client_of(owner, run=experiment.uuid)


def test_a_run_writes_to_itself_and_reads_the_rest(run: APIClient, experiment: Experiment, project: Project) -> None:
    neighbour = make_experiment(project)
    own, foreign = f"{P}/experiments/{experiment.pk}", f"{P}/experiments/{neighbour.pk}"
    assert run.get(foreign).status_code == 200
    assert run.get(P).status_code == 200
    assert run.patch(own, {"tags": ["x"]}, format="json").status_code == 200
    assert run.post(f"{own}/metrics", {"values": {"a": 1}}, format="json").status_code == 201
    assert run.post(f"{own}/statuses", {"status": "running"}, format="json").status_code == 201
    assert run.post(f"{own}/coderef", {"commit": "a" * 40}, format="json").status_code == 201
    assert run.post(f"{own}/_heartbeat").status_code == 200


def test_a_run_writes_nowhere_else(run: APIClient, experiment: Experiment, project: Project) -> None:
    neighbour, job = make_experiment(project), make_job(project)
    own, foreign = f"{P}/experiments/{experiment.pk}", f"{P}/experiments/{neighbour.pk}"
    refused = [
        ("post", url("projects"), {"name": "x1"}),
        ("patch", P, {"description": "x"}),
        ("delete", P, None),
        ("post", f"{P}/experiments", {"is_managed": False}),
        ("post", f"{P}/experiments/stop", {"ids": [neighbour.pk]}),
        ("patch", foreign, {"tags": ["x"]}),
        ("post", f"{foreign}/metrics", {"values": {"a": 1}}),
        ("post", f"{foreign}/statuses", {"status": "failed"}),
        ("post", f"{P}/jobs/{job.pk}/stop", None),
        ("delete", own, None),
        ("post", f"{own}/archive", None),
        ("post", f"{own}/restart", {}),
    ]
    codes = {path: getattr(run, verb)(path, body, format="json").status_code for verb, path, body in refused}
    assert set(codes.values()) == {403}, codes
    assert Project.objects.get().description is None
    assert not Experiment.objects.filter(deleted=True).exists()


def test_a_runs_requests_are_not_throttled(run: APIClient, owner: User, monkeypatch: Any) -> None:
    from api.throttling import UserRate

    monkeypatch.setitem(UserRate.THROTTLE_RATES, "user", "2/min")
    assert [run.get(P).status_code for _ in range(4)] == [200] * 4
    user = client_of(owner)
    assert [user.get(P).status_code for _ in range(4)] == [200, 200, 429, 429]


def test_metrics_and_heartbeats_are_not_throttled(client: APIClient, experiment: Experiment, monkeypatch: Any) -> None:
    from api.throttling import UserRate

    monkeypatch.setitem(UserRate.THROTTLE_RATES, "user", "1/min")
    base = f"{P}/experiments/{experiment.pk}"
    for _ in range(3):
        assert client.post(f"{base}/metrics", {"values": {"a": 1}}, format="json").status_code == 201
        assert client.post(f"{base}/_heartbeat").status_code == 200
        assert client.get(f"{base}/logs").status_code == 200
