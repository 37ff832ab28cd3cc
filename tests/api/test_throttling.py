"""Rates: each under its name, each in force, and none that a run ever meets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from api.throttling import Rate
from polyaxon.db.models import Experiment, Project, User
from tests.api.conftest import P, client_of, url
from tests.factories import make_experiment, make_group

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 100
# Names and values of 0.6, and what they are counted by.
SPECIFIED = {
    "HIGH": "s",
    "INTERNAL": "s",
    "IMPERSONATE": "s",
    "USER": "min",
    "ADMIN": "min",
    "ANON": "min",
    "CHECKS": "min",
}
OURS = {"LOGIN": "min", "LOGIN_NAME": "min"}


def test_every_rate_is_a_setting(tmp_path: Path) -> None:
    names = {**SPECIFIED, **OURS}
    given = {f"POLYAXON_THROTTLE_RATES_{name}": str(number) for number, name in enumerate(names, start=3)}
    environment = {**os.environ, **given, "POLYAXON_DATA_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    program = "import json, polyaxon.settings as s; print(json.dumps(s.REST_FRAMEWORK['DEFAULT_THROTTLE_RATES']))"
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    expected = {name.lower(): f"{number}/{unit}" for number, (name, unit) in enumerate(names.items(), start=3)}
    assert json.loads(told.stdout) == expected


def initializer() -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL="initializer")
    return client


def log_in(username: str) -> dict[str, str]:
    return {"username": username, "password": "wrong"}


Ask = Callable[[Experiment, User], Any]
ASKS: dict[str, Ask] = {
    "user": lambda run, _: client_of(run.user).get(P),
    "anon": lambda *_: APIClient().get(url("log_handler")),
    "checks": lambda *_: APIClient().get(url("health")),
    "high": lambda run, _: client_of(run.user).post(f"{P}/experiments/{run.pk}/metrics", [], format="json"),
    "internal": lambda run, _: initializer().get(f"{P}/experiments/{run.pk}/statuses"),
    "impersonate": lambda run, _: initializer().post(f"{P}/experiments/{run.pk}/impersonatetoken"),
    "admin": lambda _, admin: client_of(admin).post(url("users/activate/olga")),
    "login": lambda *_: APIClient().post(url("users/token"), log_in(uuid.uuid4().hex)),
    "login_name": lambda *_: APIClient().post(url("users/token"), log_in("olga"), REMOTE_ADDR=address()),
}


def address() -> str:
    return f"10.{uuid.uuid4().int % 255}.{uuid.uuid4().int % 255}.1"


@pytest.mark.parametrize("scope", ASKS)
def test_a_rate_is_in_force(experiment: Experiment, admin: User, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "2/min")
    answers = [ASKS[scope](experiment, admin) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert list(answers[-1].json()) == ["detail"]


def test_every_rate_is_tried_above() -> None:
    assert ASKS.keys() == Rate.THROTTLE_RATES.keys()


def life_of(client: APIClient, run: Experiment) -> list[int]:
    """Codes of what a run sends, once each."""
    base = f"{P}/experiments/{run.pk}"
    answers = [
        client.post(f"{base}/metrics", [{"values": {"loss": 1.0}}], format="json"),
        client.post(f"{base}/logs", ["line"], format="json"),
        client.post(f"{base}/_heartbeat"),
        client.post(f"{base}/statuses", {"status": "running"}, format="json"),
        client.patch(base, {"tags": ["x"]}, format="json"),
        client.get(base),
    ]
    return [answer.status_code for answer in answers]


@pytest.mark.slow
def test_a_hundred_runs_with_their_own_tokens_meet_no_rate(
    owner: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However low the rates are."""
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1/min")
    group = make_group(project)
    codes = set()
    for _ in range(RUNS):
        run = make_experiment(project, is_managed=False, group=group)
        codes |= {*life_of(client_of(owner, run=run.uuid), run)}
    assert max(codes) < 300


@pytest.mark.slow
def test_a_hundred_runs_with_the_token_of_their_user_meet_no_rate(owner: User, project: Project, settings: Any) -> None:
    """Metrics and log lines every second, and in the same minute whatever else a run sends."""
    security = settings.CONFIG.security
    metrics_a_second, others_a_minute = RUNS, RUNS * len(("statuses", "change", "detail"))
    assert security.throttle_rates_high >= 10 * metrics_a_second
    assert security.throttle_rates_user >= 10 * others_a_minute
    client = client_of(owner)
    runs = [make_experiment(project, is_managed=False) for _ in range(RUNS)]
    assert max(code for run in runs for code in life_of(client, run)) < 300


def test_log_lines_and_heartbeats_count_nowhere(owner: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    client, run = client_of(owner), make_experiment(project, is_managed=False)
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1/min")
    for _ in range(3):
        assert client.post(f"{P}/experiments/{run.pk}/logs", ["x"], format="json").status_code == 200
        assert client.post(f"{P}/experiments/{run.pk}/_heartbeat").status_code == 200
    assert [client.get(P).status_code for _ in range(2)] == [200, 429]
