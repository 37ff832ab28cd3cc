"""A component as a real process on the database of the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import connection

from tests.embedded.server import ROOT, free_port


def database_environment() -> dict[str, str]:
    """Settings of a process that is to see what the test sees."""
    found = connection.settings_dict
    keys = {"DB_ENGINE": "ENGINE", "DB_NAME": "NAME", "DB_USER": "USER", "DB_PASSWORD": "PASSWORD", "DB_HOST": "HOST"}
    values = {f"POLYAXON_{key}": str(found[name]) for key, name in keys.items() if found.get(name)}
    return values | ({"POLYAXON_DB_PORT": str(found["PORT"])} if found.get("PORT") else {})


class Process:
    """`manage.py component NAME`, or `program` in its place."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], *, program: Path | None = None) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}-{self.port}.log"
        start = [str(program)] if program else [str(ROOT / "manage.py")]
        self.command = [sys.executable, *start, "component", name]
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("POLYAXON_", "DJANGO_"))},
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "POLYAXON_DATA_DIR": str(folder / "data"),
            "POLYAXON_SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789",
            "POLYAXON_BROKER_BACKEND": "rabbitmq",
            # Nobody: losing every message only delays.
            "POLYAXON_AMQP_URL": f"amqp://127.0.0.1:{free_port()}//",
            "POLYAXON_COMPONENT_PORT": str(self.port),
            "POLYAXON_LEASE_SECONDS": "10",
            **environment,
        }

    def launch(self) -> Process:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def start(self, patience: float = 180.0) -> Process:
        """Launch, and wait until it works."""
        self.launch()
        self.until(lambda: self.ask("/healthz")[0] == 200, patience)
        return self

    def ask(self, path: str) -> tuple[int, Any]:
        """Status code and body; 0 while it does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, self._body(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, self._body(error.read())
        except OSError:
            return 0, None

    @staticmethod
    def _body(data: bytes) -> Any:
        return json.loads(data) if data.startswith(b"{") else data.decode()

    def acts(self, loop: str) -> bool:
        """Whether the loop acts here."""
        code, state = self.ask("/healthz")
        return code == 200 and state["loops"][loop] == "acting"

    def metric(self, name: str) -> float:
        """The value of a metric, with its labels as Prometheus writes them."""
        lines = [line for line in self.ask("/metrics")[1].splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[-1]) if lines else 0.0

    def until(self, condition: Any, timeout: float = 90.0) -> None:
        """Wait for it; the log is told if it does not come."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process is None or self.process.poll() is None, f"{self.name} ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} did not come to that:\n{self.tail()}"
            time.sleep(0.05)

    def tail(self) -> str:
        return self.log.read_text()[-4000:]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
