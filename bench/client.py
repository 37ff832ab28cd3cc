"""A bare HTTP client on one kept connection: what it costs itself should not show."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

# A server may give up a connection on which nothing came for a while.
IDLE_SECONDS = 2.0


class Client:
    def __init__(self, port: int, headers: Mapping[str, str] | None = None, host: str = "127.0.0.1") -> None:
        self.connection = http.client.HTTPConnection(host, port, timeout=120)
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self._used = time.monotonic()

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        if time.monotonic() > self._used + IDLE_SECONDS:
            self.connection.close()  # the request opens another one
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def call(self, method: str, path: str, body: Any = None) -> Any:
        content = self.send(method, path, None if body is None else json.dumps(body).encode())
        return json.loads(content) if content else None
