"""Webhooks: who may make them, and what they are told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, Project, Webhook, WebhookDelivery
from polyaxon.events.webhooks import asked_for
from scheduler.passes.webhooks import deliver, pause
from tests.api.conftest import P, client_of
from tests.factories import make_experiment

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import User

PATH = f"{P}/webhooks"
ADDRESS = "https://example.com/hook"
SILENCE = 60.0  # seconds


@dataclass
class Receiver:
    """A real server that takes what webhooks send."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)  # cleared, it does not answer
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    state.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.taken.append((dict(self.headers), body))
            state.answering.wait(SILENCE)
            self.send_response(state.answers.pop(0) if state.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/hook?a=b"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state
    state.answering.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def configure(settings: Any) -> Any:
    def change(**values: Any) -> None:
        webhooks = settings.CONFIG.webhooks.model_copy(update=values)
        settings.CONFIG = replace(settings.CONFIG, webhooks=webhooks)

    return change


def create(client: APIClient, url: str = ADDRESS, **fields: Any) -> dict[str, Any]:
    answer = client.post(PATH, {"url": url, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_the_secret_is_shown_once_and_stored_encrypted(client: APIClient, project: Project) -> None:
    made = create(client, events=["experiment.*"])
    assert len(made["secret"]) == 64
    assert (made["url"], made["events"], made["enabled"]) == (ADDRESS, ["experiment.*"], True)
    (row,) = client.get(PATH).json()["results"]
    assert "secret" not in row
    assert "secret" not in client.get(f"{PATH}/{made['id']}").json()
    assert made["secret"] not in Webhook.objects.get().secret


def test_a_webhook_is_changed_and_deleted(client: APIClient, project: Project) -> None:
    path = f"{PATH}/{create(client)['id']}"
    changed = client.patch(path, {"enabled": False, "events": ["*.done"], "secret": "s" * 20}, format="json")
    assert (changed.json()["enabled"], changed.json()["events"]) == (False, ["*.done"])
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_only_those_who_run_the_project_see_webhooks(
    client: APIClient, project: Project, stranger: APIClient, anonymous: APIClient, owner: User
) -> None:
    path = f"{PATH}/{create(client)['id']}"
    run = client_of(owner, run=make_experiment(project).uuid)
    for address in (PATH, path, f"{path}/deliveries"):
        assert anonymous.get(address).status_code == 401
        assert stranger.get(address).status_code == 403
        assert run.get(address).status_code == 403
        assert client.get(address).status_code == 200
    assert stranger.delete(path).status_code == 403
    assert stranger.post(PATH, {"url": ADDRESS}, format="json").status_code == 403
    Project.objects.update(is_public=False)
    assert stranger.get(PATH).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "example.com",
        "http://",
        "http://user:pass@example.com",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest",
        "http://10.1.2.3:80",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://example.com/\r\nX: y",
    ],
)
def test_addresses_that_are_refused(client: APIClient, project: Project, url: str) -> None:
    answer = client.post(PATH, {"url": url}, format="json")
    assert answer.status_code == 400
    assert "url" in answer.json()


def test_events_that_do_not_exist_are_refused(client: APIClient, project: Project) -> None:
    for event in ("experiment.exploded", "cat.*", "experiment"):
        answer = client.post(PATH, {"url": ADDRESS, "events": [event]}, format="json")
        assert list(answer.json()) == ["events"]


def test_patterns() -> None:
    assert asked_for("experiment.done", ["*"])
    assert asked_for("experiment.done", ["job.*", "*.done"])
    assert asked_for("experiment.done", ["experiment.*"])
    assert not asked_for("experiment.done", ["experiment.failed", "job.*"])


def test_a_delivery_is_signed(client: APIClient, experiment: Experiment, receiver: Receiver, configure: Any) -> None:
    configure(webhooks_allow_private=True)
    made = create(client, receiver.url, events=["experiment.new_status"])
    set_status(experiment, "warning", enforce=False)
    assert deliver() == 1
    ((headers, body),) = receiver.taken
    signed = headers["X-Polyaxon-Timestamp"].encode() + b"." + body
    expected = hmac.new(made["secret"].encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Polyaxon-Signature"] == f"sha256={expected}"
    assert abs(int(headers["X-Polyaxon-Timestamp"]) - time.time()) < 60
    told = json.loads(body)
    assert (told["v"], told["type"], told["object_id"]) == (1, "experiment.new_status", experiment.pk)
    assert (told["project"], told["context"]["status"]) == ("olga.digits", "warning")
    (row,) = client.get(f"{PATH}/{made['id']}/deliveries").json()["results"]
    assert (row["status"], row["attempts"], row["response_code"]) == ("delivered", 1, 200)
    assert row["uuid"] == headers["X-Polyaxon-Delivery"]
    assert deliver() == 0


def test_what_fails_is_tried_again_later_and_given_up(
    client: APIClient, experiment: Experiment, receiver: Receiver, configure: Any
) -> None:
    configure(webhooks_allow_private=True, webhooks_attempts=3, webhooks_backoff=100.0)
    create(client, receiver.url, events=["experiment.new_status"])
    receiver.answers = [500, 302, 404]
    set_status(experiment, "warning", enforce=False)
    for attempt in (1, 2, 3):
        assert deliver() == 1
        assert deliver() == 0
        row = WebhookDelivery.objects.get()
        assert row.attempts == attempt
        if attempt < 3:
            assert (row.status, row.due_at > timezone.now()) == ("pending", True)
            WebhookDelivery.objects.update(due_at=timezone.now())
    assert (row.status, row.response_code) == ("failed", 404)
    assert len(receiver.taken) == 3  # the redirect was not followed
    assert [pause(n).total_seconds() for n in (1, 2, 3, 50)] == [100, 400, 1600, 86400]


def test_a_slow_answer_is_not_waited_for(
    client: APIClient, experiment: Experiment, receiver: Receiver, configure: Any
) -> None:
    configure(webhooks_allow_private=True, webhooks_timeout=0.3)
    create(client, receiver.url, events=["experiment.new_status"])
    receiver.answering.clear()
    set_status(experiment, "warning", enforce=False)
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < SILENCE / 2
    row = WebhookDelivery.objects.get()
    assert (row.status, row.response_code) == ("pending", None)
    assert row.error


def test_a_name_that_leads_inside_is_refused_when_it_is_resolved(
    client: APIClient, experiment: Experiment, receiver: Receiver
) -> None:
    create(client, receiver.url.replace("127.0.0.1", "localhost"), events=["experiment.new_status"])
    set_status(experiment, "warning", enforce=False)
    deliver()
    row = WebhookDelivery.objects.get()
    assert "not a public address" in row.error
    assert receiver.taken == []


def test_only_events_that_were_asked_for_are_queued(client: APIClient, experiment: Experiment) -> None:
    create(client, events=["job.*"])
    disabled = create(client, enabled=False)
    set_status(experiment, "warning", enforce=False)
    client.get(f"{P}/experiments/{experiment.pk}")
    assert not WebhookDelivery.objects.exists()
    client.patch(f"{PATH}/{disabled['id']}", {"enabled": True}, format="json")
    client.get(f"{P}/experiments/{experiment.pk}")
    assert not WebhookDelivery.objects.exists()  # what somebody looked at is nobody's business
    set_status(experiment, "running", enforce=False)
    assert WebhookDelivery.objects.get().event_type == "experiment.new_status"


def test_a_change_that_is_undone_tells_nobody(client: APIClient, experiment: Experiment) -> None:
    from django.db import transaction

    create(client)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - what is undone
        set_status(experiment, "warning", enforce=False)
        raise ZeroDivisionError
    assert not WebhookDelivery.objects.exists()
