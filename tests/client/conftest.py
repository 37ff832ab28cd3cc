from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polyaxon_client.settings import Connection
from polyaxon_client.transport import Transport
from tests.client.recorder import Recorder

CLIENT = Path(__file__).resolve().parents[2] / "client"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    yield server
    server.close()


@pytest.fixture
def connection(recorder: Recorder) -> Connection:
    return Connection(f"{recorder.url}/api/v1/", {"Authorization": "Token abc"}, timeout=30.0)


@pytest.fixture
def transport(connection: Connection) -> Iterator[Transport]:
    with Transport(connection, backoff=0.01) as transport:
        yield transport


Script = Callable[..., "subprocess.Popen[str]"]


def base_env(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("POLYAXON_")}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(CLIENT),
        "POLYAXON_INTERVAL": "0.1",
        # How long the end waits for a server that is there; tests where it is away say how long themselves.
        "POLYAXON_TIMEOUT": "60",
    }


def managed_env(url: str, name: str = "ada.digits.12", **more: str) -> dict[str, str]:
    info = {"experiment_name": name, "project_name": "ada.digits"}
    return {
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_IN_CLUSTER": "true",
        "POLYAXON_API_HTTP_HOST": url,
        "POLYAXON_SECRET_USER_TOKEN": "t0ken",
        "POLYAXON_EXPERIMENT_INFO": json.dumps(info),
        **more,
    }


def outside_env(port: int, **more: str) -> dict[str, str]:
    return {
        "POLYAXON_API_HOST": "127.0.0.1",
        "POLYAXON_HTTP_PORT": str(port),
        "POLYAXON_SECRET_USER_TOKEN": "t0ken",
        **more,
    }


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Start a Python script in a process of its own; all that still run at the end are killed by their id."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, env: dict[str, str], python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
        file = tmp_path / f"script{len(started)}.py"
        file.write_text(code)
        process = subprocess.Popen(
            [python, str(file)],
            env={**base_env(tmp_path), **env},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finish(process: subprocess.Popen[str], timeout: float = 90.0) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err
