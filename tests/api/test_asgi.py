"""The server as it is run: a process of its own, over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.embedded.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from polyaxon.security import tokens
from tests.factories import make_experiment, make_project, make_user
user = make_user("olga")
experiment = make_experiment(make_project(user, "digits"), is_managed=False)
print(tokens.issue(user), experiment.pk)
"""


def environment(folder: Path) -> dict[str, str]:
    mine = {key: value for key, value in os.environ.items() if not key.startswith("POLYAXON_")}
    return {
        **mine,
        "POLYAXON_DATA_DIR": str(folder),
        "POLYAXON_BODY_MAX_BYTES": "1000000",
        "DJANGO_SETTINGS_MODULE": "polyaxon.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("server")
    prepared = subprocess.run(
        [sys.executable, "-c", PREPARE], env=environment(folder), capture_output=True, text=True, check=True
    )
    token, experiment = prepared.stdout.split()
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "uvicorn",
            "api.asgi:application",
            "--port",
            str(port),
            "--log-level",
            "warning",
        ],
        env=environment(folder),
    )
    try:
        base = f"http://127.0.0.1:{port}"
        wait_for(f"{base}/healthz", process)
        headers = {"Authorization": f"Token {token}", "X-Experiment": experiment}
        with httpx.Client(base_url=base, headers=headers, timeout=90) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert code in {0, -signal.SIGTERM}


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 110  # it imports everything first
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture
def path(server: httpx.Client) -> str:
    return f"/api/v1/olga/digits/experiments/{server.headers['X-Experiment']}"


@pytest.mark.slow
def test_requests_at_once_are_all_stored(server: httpx.Client, path: str) -> None:
    def post(number: int) -> int:
        rows = [{"values": {f"m{number}": float(step)}, "step": step} for step in range(50)]
        return server.post(f"{path}/metrics/", json=rows).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(24))) == {201}
    assert len(server.get(path).json()["last_metric"]) == 24
    assert server.get(f"{path}/metrics").json()["count"] >= 50


@pytest.mark.slow
def test_logs_are_followed_by_ranges(server: httpx.Client, path: str) -> None:
    server.post(f"{path}/logs", json=["first"])
    seen = server.get(f"{path}/logs").content
    assert server.get(f"{path}/logs", headers={"Range": f"bytes={len(seen)}-"}).status_code == 416
    server.post(f"{path}/logs", json=["second"])
    answer = server.get(f"{path}/logs", headers={"Range": f"bytes={len(seen)}-"})
    assert (answer.status_code, answer.content) == (206, b"second\n")


@pytest.mark.slow
def test_a_large_body_is_refused(server: httpx.Client, path: str) -> None:
    answer = server.patch(path, json={"description": "x" * 1_100_000})
    assert answer.status_code == 413
    assert server.get(path).json()["description"] is None


@pytest.mark.slow
def test_a_socket_to_nowhere_is_closed(server: httpx.Client) -> None:
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    answer = server.get("/api/v1/nothing", headers={**handshake, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert answer.status_code in {403, 404}
