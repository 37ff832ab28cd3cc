"""A real embedded server for tests: a process of its own, on a free port and a folder of its own."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-for-tests"
START_TIMEOUT = 180.0


# Below those that the kernel gives to whoever asks for any: nobody gets one of them by chance while it is free.
PORTS = range(12_000, 25_000)
_kept: list[int] = []  # open files, whose locks keep ports from other processes of tests


def free_port() -> int:
    """A port at which nobody listens, and which no other caller is given while this process lives."""
    folder = Path(tempfile.gettempdir(), f"polyaxon-test-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    while True:
        port = secrets.choice(PORTS)
        file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(file)
            continue
        _kept.append(file)
        return port


def postgres_environment(url: str, database: str = "") -> dict[str, str]:
    """Settings of a server on the Postgres at `url`."""
    parts = urlsplit(url)
    return {
        "POLYAXON_DB_ENGINE": "django.db.backends.postgresql",
        "POLYAXON_DB_NAME": database or parts.path.lstrip("/"),
        "POLYAXON_DB_USER": parts.username or "",
        "POLYAXON_DB_PASSWORD": parts.password or "",
        "POLYAXON_DB_HOST": parts.hostname or "",
        "POLYAXON_DB_PORT": str(parts.port),
    }


class Server:
    """`manage.py serve`, started, killed and started again at will."""

    def __init__(self, folder: Path, *, program: Path | None = None, **environment: str) -> None:
        """`program`: what to run instead of `manage.py serve`."""
        self.folder = folder
        self.command = [sys.executable, str(program)] if program else [sys.executable, str(ROOT / "manage.py"), "serve"]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder.parent / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._token: str | None = None
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("POLYAXON_", "DJANGO_"))},
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "POLYAXON_ADMIN_PASSWORD": PASSWORD,
            "POLYAXON_DATA_DIR": str(folder),
            "POLYAXON_PORT": str(self.port),
            **environment,
        }

    def start(self, patience: float = START_TIMEOUT) -> Server:
        self.launch()
        self.wait_until_ready(patience)
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def wait_until_ready(self, patience: float = START_TIMEOUT) -> None:
        assert self.process is not None
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def close(self) -> None:
        """End the server and every run that it left."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """JSON in, JSON out; `urllib.error.HTTPError` for everything but 2xx."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if path != "users/token":
            request.add_header("Authorization", f"Token {self.token}")
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        with urllib.request.urlopen(request, timeout=100) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @property
    def token(self) -> str:
        if self._token is None:
            self._token = self.request("POST", "users/token", {"username": "admin", "password": PASSWORD})["token"]
        return self._token

    def text(self, path: str) -> str:
        request = urllib.request.Request(f"{self.url}/api/v1/{path}")
        request.add_header("Authorization", f"Token {self.token}")
        with urllib.request.urlopen(request, timeout=100) as answer:
            return str(answer.read().decode())

    def create_experiment(self, project: str, command: str, **content: Any) -> int:
        specification = {"version": 1, "kind": "experiment", "run": {"cmd": command}, **content}
        created = self.request("POST", f"admin/{project}/experiments", {"content": json.dumps(specification)})
        return int(created["id"])

    def wait_for(self, path: str, statuses: set[str], timeout: float = 100.0) -> dict[str, Any]:
        """Poll the detail at `path` until its `last_status` is one of `statuses`."""
        deadline = time.monotonic() + timeout
        detail: dict[str, Any] = {}
        while time.monotonic() < deadline:
            detail = self.request("GET", path)
            if detail["last_status"] in statuses:
                return detail
            time.sleep(0.1)
        raise AssertionError(
            f"{path} is {detail.get('last_status')}, not one of {statuses}\n{self.log.read_text()[-3000:]}"
        )
