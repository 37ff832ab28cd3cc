"""A client that asks again: servers are killed under it."""

from __future__ import annotations

import http.client
import io
import json
import tarfile
import time
import urllib.error
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.embedded.server import Server

PATIENCE = 120.0  # seconds
CONFLICT, SERVER_ERROR = 409, 500  # 409: the same creation is under way


class Patient:
    """Speaks with the API of `server` as long as it takes."""

    def __init__(self, server: Server) -> None:
        self.repeated = 0  # requests
        self._server = server

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """As `Server.request`."""
        return self._patiently(lambda: self._server.request(method, path, body, headers))

    def text(self, path: str) -> str:
        """As `Server.text`."""
        return str(self._patiently(lambda: self._server.text(path)))

    def create(self, project: str, command: str) -> int:
        """A run, once however often it is asked for."""
        specification = {"version": 1, "kind": "experiment", "run": {"cmd": command}}
        body = {"content": json.dumps(specification)}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return int(self.ask("POST", f"{project}/experiments", body, **key)["id"])

    def statuses(self, project: str) -> dict[int, str]:
        """Of every run of the project."""
        found = self.ask("GET", f"{project}/experiments?limit=1000")["results"]
        return {each["id"]: each["last_status"] for each in found}

    def upload(self, project: str, code: Mapping[str, Path]) -> None:
        """Modules as the code of the project: those of each folder, below a name."""
        answer = httpx.put(
            f"{self._server.url}/api/v1/{project}/repo/upload",
            files={"repo": ("code.tar.gz", _archive(code))},
            data={"json": "{}"},
            headers={"Authorization": f"Token {self._server.token}"},
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()

    def _patiently(self, act: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return act()
            except urllib.error.HTTPError as error:
                if (error.code < SERVER_ERROR and error.code != CONFLICT) or time.monotonic() > deadline:
                    raise AssertionError(f"{error.url}: {error.code} {error.read()[:500]!r}") from error
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            self.repeated += 1
            time.sleep(0.3)


def _archive(code: Mapping[str, Path]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, folder in code.items():
            for file in sorted(folder.rglob("*.py")):
                tar.add(file, arcname=str(Path(name) / file.relative_to(folder)))
    return data.getvalue()
