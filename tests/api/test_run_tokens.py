"""How runs get their own tokens."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import EphemeralToken, Experiment, Project
from polyaxon.security import ephemeral
from scheduler.passes.reconcile import forget_tokens
from tests.api.conftest import P, url
from tests.factories import make_experiment, make_job

if TYPE_CHECKING:
    from polyaxon.db.models import Job


def bearer(wire: str, service: str = "runner") -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"EphemeralToken {wire}", HTTP_X_POLYAXON_INTERNAL=service)
    return client


def initializer(service: str = "initializer") -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL=service)
    return client


@pytest.fixture
def running(experiment: Experiment) -> Experiment:
    set_status(experiment, "running")
    return experiment


def place(experiment: Experiment, name: str = "ephemeraltoken") -> str:
    return f"{P}/experiments/{experiment.pk}/{name}"


def writes_to_its_run_only(key: str, run: Experiment | Job, neighbour: Experiment | Job, kind: str) -> bool:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    codes = [
        client.patch(f"{P}/{kind}/{row.pk}", {"tags": ["x"]}, format="json").status_code for row in (run, neighbour)
    ]
    return codes == [200, 403]


@pytest.mark.parametrize("name", ["ephemeraltoken", "token"])
@pytest.mark.parametrize("status", ["scheduled", "starting", "running"])
def test_a_token_for_one_use_is_traded_for_the_runs_own(
    experiment: Experiment, project: Project, name: str, status: str
) -> None:
    set_status(experiment, status)
    wire = ephemeral.issue(ephemeral.scope_of(experiment))
    answer = bearer(wire).post(place(experiment, name))
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    assert writes_to_its_run_only(answer.json()["token"], experiment, make_experiment(project), "experiments")
    again = bearer(wire).post(place(experiment, name))
    assert again.status_code == 401
    assert again["WWW-Authenticate"] == "EphemeralToken"


def test_only_its_hash_is_stored(running: Experiment) -> None:
    wire = ephemeral.issue(ephemeral.scope_of(running))
    key, _, identifier = base64.b64decode(wire).decode().partition("XEPH:")
    stored = EphemeralToken.objects.get()
    assert stored.uuid.hex == identifier
    assert key not in {stored.key_hash, str(stored.uuid)}
    assert 10_700 < (stored.expires_at - timezone.now()).total_seconds() <= 10_800


def test_a_wrong_key_uses_the_token_up(running: Experiment) -> None:
    wire = ephemeral.issue(ephemeral.scope_of(running))
    identifier = EphemeralToken.objects.get().uuid.hex
    wrong = base64.b64encode(f"{'0' * 64}XEPH:{identifier}".encode()).decode()
    assert bearer(wrong).post(place(running)).status_code == 401
    assert bearer(wire).post(place(running)).status_code == 401
    assert not EphemeralToken.objects.exists()


@pytest.mark.parametrize("wire", ["x", "!!!", "", "WEVQSDo=", base64.b64encode(b"aXEPH:b").decode(), "\xff"])
def test_what_is_no_token_is_401(running: Experiment, wire: str) -> None:
    assert bearer(wire).post(place(running)).status_code == 401


def test_an_expired_token_is_401_and_goes(running: Experiment) -> None:
    wire = ephemeral.issue(ephemeral.scope_of(running))
    EphemeralToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert bearer(wire).post(place(running)).status_code == 401
    ephemeral.issue([])
    EphemeralToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    forget_tokens()
    assert not EphemeralToken.objects.exists()


def test_scope_and_status_are_checked_with_an_empty_403(running: Experiment, project: Project) -> None:
    waiting = make_experiment(project)
    for experiment, scope in (
        (running, ephemeral.scope_of(waiting)),
        (running, []),
        (running, [*ephemeral.scope_of(running), "experiment:0"]),
        (waiting, ephemeral.scope_of(waiting)),
    ):
        answer = bearer(ephemeral.issue(scope)).post(place(experiment))
        assert (answer.status_code, answer.content) == (403, b"")


def test_the_service_is_named_and_nothing_else_is_open(running: Experiment) -> None:
    def wire() -> str:
        return ephemeral.issue(ephemeral.scope_of(running))

    assert bearer(wire(), service="sidecar").post(place(running)).status_code == 401
    assert EphemeralToken.objects.count() == 1
    for path in (P, f"{P}/experiments/{running.pk}", url("users"), place(running, "statuses")):
        assert bearer(wire()).get(path).status_code == 401
    assert bearer(wire()).post(place(running, "_heartbeat")).status_code == 401
    assert bearer(wire()).post(place(running, "impersonatetoken")).status_code == 401


def test_users_and_services_cannot_trade(running: Experiment, client: APIClient, service: APIClient) -> None:
    assert client.post(place(running)).status_code == 401
    assert service.post(place(running)).status_code == 401
    assert initializer().post(place(running)).status_code == 401


def test_the_initializer_gets_the_token_of_a_run(running: Experiment, project: Project) -> None:
    answer = initializer().post(place(running, "impersonatetoken"))
    assert answer.status_code == 200
    assert writes_to_its_run_only(answer.json()["token"], running, make_experiment(project), "experiments")
    job = make_job(project)
    set_status(job, "scheduled")
    key = initializer().post(f"{P}/jobs/{job.pk}/impersonatetoken").json()["token"]
    assert writes_to_its_run_only(key, job, make_job(project), "jobs")


def test_nobody_else_impersonates(running: Experiment, client: APIClient, project: Project) -> None:
    path = place(running, "impersonatetoken")
    for name in ("sidecar", "runner", "helper"):
        answer = initializer(name).post(path)
        assert (answer.status_code, answer.content) == (403, b"")
    refused = client.post(path)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Internaltoken")
    waiting = make_experiment(project)
    assert initializer().post(place(waiting, "impersonatetoken")).status_code == 403
    set_status(running, "succeeded")
    assert initializer().post(path).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_one_gets_in() -> None:
    wire = ephemeral.issue(["user:1"])
    start = threading.Barrier(4)

    def use(_: int) -> list[str] | None:
        try:
            start.wait(60)
            return ephemeral.consume(wire)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(use, range(4)))
    assert sorted(scope is not None for scope in found) == [False, False, False, True]
