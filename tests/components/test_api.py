"""The API as a component: several replicas on one database, and their ends."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from polyaxon.security import tokens
from tests.api.test_repos import archive
from tests.components.processes import Process, database_environment
from tests.embedded.server import free_port
from tests.factories import make_user
from tests.streams.conftest import events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]


class Replica(Process):
    """One process, and its HTTP interface."""

    def __init__(self, folder: Path, token: str, **environment: str) -> None:
        port = free_port()
        found = {"POLYAXON_PORT": str(port), "POLYAXON_ALLOWED_HOSTS": '["127.0.0.1"]', **database_environment()}
        super().__init__("api", folder, found | environment)
        self.api_port = port
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1/",
            headers={"Authorization": f"Token {token}"},
            trust_env=False,
            timeout=90,
        )

    def requests(self, method: str, route: str, status: int) -> float:
        """How many it has answered so."""
        return self.metric(
            f'polyaxon_http_request_seconds_count{{method="{method}",route="{route}",status="{status}"}}'
        )


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    token = tokens.issue(make_user("ada"))
    made: list[Replica] = []

    def make(**environment: str) -> Replica:
        made.append(Replica(tmp_path, token, **environment))
        return made[-1]

    yield make
    for each in made:
        each.close()


def started(*replicas: Replica) -> None:
    for each in replicas:
        each.launch()
    for each in replicas:
        each.until(lambda each=each: each.ask("/readyz")[0] == 200, 180)


def answered(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def running_experiment(client: httpx.Client) -> str:
    answered(client.post("projects", json={"name": "p"}))
    content = json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": "true"}})
    made = answered(client.post("ada/p/experiments", json={"content": content, "is_managed": False}))
    place = f"ada/p/experiments/{made['id']}"
    answered(client.post(f"{place}/statuses", json={"status": "running"}))
    return place


def test_what_one_replica_did_the_others_know(replica: Callable[..., Replica]) -> None:
    first, second = replica(), replica()
    started(first, second)
    key = {"Idempotency-Key": "once"}
    made = first.client.post("projects", json={"name": "p"}, headers=key)
    again = second.client.post("projects", json={"name": "p"}, headers=key)
    assert (made.status_code, again.status_code, again.headers.get("Idempotent-Replayed")) == (201, 201, "true")
    assert answered(second.client.get("ada/p"))["uuid"] == made.json()["uuid"]
    packed = archive(**{"train.py": "print(1)\n"})
    answered(first.client.put("ada/p/repo/upload", files={"repo": ("repo.tar.gz", io.BytesIO(packed))}))
    assert second.client.get("ada/p/repo/download").content[:2] == b"\x1f\x8b"
    assert first.requests("POST", "api/v1/projects", 201) == 1
    assert second.metric("polyaxon_streams") == 0
    assert first.requests("GET", "none", 404) == 0
    first.client.get(f"http://127.0.0.1:{first.api_port}/no/such/page/there/is")
    assert first.requests("GET", "none", 404) == 1


def test_a_log_is_followed_on_at_another_replica(replica: Callable[..., Replica]) -> None:
    """One that ends ends its streams at once, and a client goes on where it was."""
    first, second = replica(POLYAXON_COMPONENT_STOP_TIMEOUT="100"), replica()
    started(first, second)
    place = running_experiment(first.client)
    answered(first.client.post(f"{place}/logs", json=["one", "two"]))
    with first.client.stream("GET", f"{place}/logs/follow") as stream:
        events = events_of(stream)
        seen = next(event for event in events if event.name == "message")
        assert seen.data == "one\ntwo"
        first.until(lambda: first.metric("polyaxon_streams") == 1)
        began = time.monotonic()
        ending = threading.Thread(target=first.stop)
        ending.start()
        assert [event.name for event in events if event.name == "end"] == []  # until it closes, in good order
        ending.join()
        assert time.monotonic() - began < 50  # requests under way have 100
        assert first.process is not None
        assert first.process.returncode == 0
    answered(second.client.post(f"{place}/logs", json=["three"]))
    answered(second.client.post(f"{place}/statuses", json={"status": "succeeded"}))
    with second.client.stream("GET", f"{place}/logs/follow", headers={"Last-Event-ID": str(seen.id)}) as stream:
        told = [event for event in events_of(stream) if event.name == "message"]
    assert [event.data for event in told] == ["three"]


def test_a_request_under_way_is_answered_before_the_end(replica: Callable[..., Replica]) -> None:
    only = replica()
    started(only)
    body = b'{"name": "late"}'
    head = (
        f"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: {only.client.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n"
        f"Expect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", only.api_port), timeout=90) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it is under way
        connection.sendall(body[:5])
        ending = threading.Thread(target=only.stop)
        ending.start()
        only.until(lambda: _refused(only.api_port), 20)
        assert only.ask("/readyz")[0] == 503
        connection.sendall(body[5:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
        ending.join()
    assert only.process is not None
    assert only.process.returncode == 0


def _refused(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return False
    except OSError:
        return True


def test_an_address_that_is_taken_is_told(replica: Callable[..., Replica]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = replica(POLYAXON_PORT=str(port)).launch()
        assert refused.process is not None
        assert refused.process.wait(180) == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in refused.tail()


def test_without_a_broker_that_others_reach_it_does_not_start(replica: Callable[..., Replica]) -> None:
    refused = replica(POLYAXON_BROKER_BACKEND="memory").launch()
    assert refused.process is not None
    assert refused.process.wait(180) == 1
    assert "The component api needs a broker" in refused.tail()
