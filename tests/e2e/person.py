"""One who uses the platform: a home and a work folder of their own, the command line tool, scripts, plain HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.embedded.server import PASSWORD, ROOT, Server

COMMAND_TIMEOUT = 90.0


class Answer(NamedTuple):
    """What the server said, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body as strictly valid JSON: the literals NaN and Infinity are refused."""
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(literal: str) -> None:
    raise AssertionError(f"{literal} is no JSON")


class Person:
    """A user of `server`. `folder` holds their home and their work; `python` runs their tools."""

    def __init__(
        self,
        server: Server,
        folder: Path,
        name: str = "admin",
        password: str = PASSWORD,
        *,
        python: str = sys.executable,
    ) -> None:
        self.server = server
        self.python = python
        self.name = name
        self.password = password
        self.home = folder / "home"
        self.work = folder / "work"
        self.home.mkdir(parents=True)
        self.work.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the platform but what the tool keeps in the home."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("POLYAXON_", "DJANGO_"))}
        # Wide, so that no table wraps; no colours, so that texts are found.
        shown = {"COLUMNS": "400", "NO_COLOR": "1", "TERM": "dumb"}
        return {**kept, **shown, "HOME": str(self.home), "PYTHONPATH": str(ROOT / "client")}

    def log_in(self) -> Person:
        self.cli("config", "set", "--host=127.0.0.1", f"--port={self.server.port}")
        self.cli("login", "-u", self.name, "--password-stdin", stdin=self.password)
        return self

    def cli(
        self, *arguments: str, stdin: str = "", code: int = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `polyaxon ARGUMENTS` in the work folder and expect the exit code."""
        done = subprocess.run(
            [self.python, "-m", "polyaxon_cli", *arguments],
            cwd=cwd or self.work,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        assert done.returncode == code, f"polyaxon {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def cli_json(self, *arguments: str) -> Any:
        return json.loads(self.cli("--json", *arguments).stdout, parse_constant=_refuse)

    def script(self, file: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a script of their own, outside of the platform."""
        return subprocess.Popen(
            [sys.executable, str(file), *arguments],
            cwd=file.parent,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def token(self) -> str:
        return str(json.loads((self.home / ".polyaxon/.polyaxonauth").read_text())["token"])

    def http(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Answer:
        """One request below `/api/v1/`; `body` is bytes as they are, or anything as JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Authorization": f"Token {token or self.token}",
            "Content-Type": "application/json",
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        url = f"{self.server.url}/api/v1/{path}"
        answer = httpx.request(method, url, content=content, headers=sent, timeout=60, trust_env=False)
        return Answer(answer.status_code, answer.content, answer.headers)

    def get(self, path: str) -> Any:
        """The JSON at `path`, which must be there."""
        answer = self.http("GET", path)
        assert answer.status == 200, (path, answer.body)
        return answer.json()

    def history(self, path: str) -> list[dict[str, Any]]:
        """All metric rows of the run at `path`."""
        answer = self.get(f"{path}/metrics?limit=100000")
        rows: list[dict[str, Any]] = answer["results"]
        assert answer["count"] == len(rows)
        return rows

    def wait_for(self, path: str, statuses: set[str], seconds: float = 60.0) -> dict[str, Any]:
        """The detail at `path` once its status is one of these."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            detail: dict[str, Any] = self.get(path)
            if detail["last_status"] in statuses:
                return detail
            time.sleep(0.1)
        raise AssertionError(f"{path} is {detail['last_status']}\n{self.server.log.read_text()[-3000:]}")
