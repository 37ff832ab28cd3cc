"""A server of its own, over HTTP and WebSockets, and two people who use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.embedded.server import free_port

PREPARE = """
import django, json
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from polyaxon.security import tokens
from tests.factories import make_project, make_user
olga, oskar = make_user("olga"), make_user("oskar")
make_project(olga, "digits")
make_project(olga, "hidden", is_public=False)
print(json.dumps({"olga": tokens.issue(olga), "oskar": tokens.issue(oskar)}))
"""


@dataclass
class Event:
    """One server-sent event."""

    name: str = "message"
    data: str = ""
    id: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def events_of(answer: httpx.Response) -> Iterator[Event]:
    """The events of a stream, comments left out."""
    event, lines = Event(), []
    for line in answer.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            event.name = value
        elif field == "data":
            lines.append(value)
        elif field == "id":
            event.id = value
        elif not line and lines:
            event.data = "\n".join(lines)
            yield event
            event, lines = Event(), []


@dataclass
class Running:
    """The server, and clients of it."""

    port: int
    tokens: dict[str, str]
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, user: str = "olga") -> httpx.Client:
        headers = {"Authorization": f"Token {self.tokens[user]}"} if user else {}
        return httpx.Client(base_url=f"{self.url}/api/v1/", headers=headers, timeout=90)

    def socket(self, path: str, user: str = "olga", **headers: str) -> ClientConnection:
        given = {"Authorization": f"Token {self.tokens[user]}"} if user else {}
        address = f"ws://127.0.0.1:{self.port}/{path}"
        return connect(address, additional_headers={**given, **headers}, open_timeout=90)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with served(tmp_path_factory.mktemp("streams"), POLYAXON_STREAMS_RECHECK="1") as server:
        yield server


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[Running]:
    """A server on an empty folder."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("POLYAXON_")}
    environment = {
        **mine,
        "POLYAXON_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "tests.streams.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
        **settings,
    }
    command = [sys.executable, "-c", PREPARE]
    prepared = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    port = free_port()
    serve = ["-m", "uvicorn", "api.asgi:application", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen([sys.executable, *serve], env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/v1/projects", process)
        yield Running(port, json.loads(prepared.stdout), process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 110  # it imports everything first
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{address} does not answer")


@pytest.fixture
def olga(running: Running) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


@pytest.fixture
def run(olga: httpx.Client) -> str:
    """Address of an experiment that its client reports."""
    return new_run(olga)


def new_run(client: httpx.Client, project: str = "digits") -> str:
    answer = client.post(f"olga/{project}/experiments", json={"is_managed": False})
    assert answer.status_code == 201, answer.text
    return f"olga/{project}/experiments/{answer.json()['id']}"


def set_status(client: httpx.Client, run: str, status: str) -> None:
    assert client.post(f"{run}/statuses", json={"status": status}).status_code == 201


def log(client: httpx.Client, run: str, *lines: str) -> None:
    assert client.post(f"{run}/logs", json=list(lines)).status_code == 200
