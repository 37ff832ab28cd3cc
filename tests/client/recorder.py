"""A small HTTP server of the tests' own: records what it is asked; down, slow or broken on demand."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request. ``path`` is below ``/api/v1/``; ``status`` is what was answered."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int = 0

    @property
    def json(self) -> Any:
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # send half of the body, then break the connection


def rows(body: Any) -> list[dict[str, Any]]:
    """Posted metrics as ``{values, created_at[, step]}``; columns are put together by time, as on the server."""
    if isinstance(body, list):
        return body
    found: dict[tuple[float, int], dict[str, Any]] = {}
    for series in body["series"]:
        seen: dict[float, int] = {}
        for place, (value, moment) in enumerate(zip(series["values"], series["times"], strict=True)):
            seen[moment] = seen.get(moment, 0) + 1
            row = found.setdefault((moment, seen[moment]), {"values": {}, "created_at": moment})
            row["values"][series["name"]] = value
            if "steps" in series:
                row["step"] = series["steps"][place]
    return list(found.values())


Route = Callable[[Asked], Answer]


class Recorder:
    """201 with an id to every POST and 200 ``{}`` to the rest, unless a route or a failure says otherwise."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.failures: list[Answer] = []
        self.routes: dict[tuple[str, str], Route] = {}
        self.delay = 0.0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        # Bound, but nobody listens there: a port that no other process is given while the server is down.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.port = int(self._place.getsockname()[1])
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        self.stop()
        self._place.close()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def route(self, method: str, path: str, answer: Route | Answer | Any) -> None:
        """``answer`` is a function, an Answer, or a JSON value."""
        if callable(answer):
            self.routes[method, path] = answer
            return
        ready = answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())
        self.routes[method, path] = lambda _: ready

    def of(self, method: str, ending: str, status: int | None = None) -> list[Asked]:
        """Requests by method and end of path, in the order of arrival."""
        with self._lock:
            found = [one for one in self.asked if one.method == method and one.path.endswith(ending)]
        return [one for one in found if status is None or one.status == status]

    def wait_for(self, method: str, ending: str, count: int = 1, timeout: float = 60.0) -> list[Asked]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.of(method, ending)
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {count} x {method} ...{ending}; got {[(a.method, a.path) for a in self.asked]}")

    def points(self) -> list[dict[str, Any]]:
        """Accepted metric points; a repeated batch counts once, as on the server."""
        batches = {one.headers["x-polyaxon-batch"]: one for one in self.of("POST", "/metrics/", 201)}
        return [point for one in batches.values() for point in rows(one.json)]

    def lines(self) -> list[str]:
        return [line for one in self.of("POST", "/logs/", 201) for line in one.json]

    def statuses(self) -> list[str]:
        return [one.json["status"] for one in self.of("POST", "/statuses/", 201)]

    def answer(self, asked: Asked) -> Answer:
        if self.delay:
            time.sleep(self.delay)
        with self._lock:
            failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            return failure
        route = self.routes.get((asked.method, asked.path))
        if route is not None:
            return route(asked)
        if asked.path == "users/":
            return Answer(200, b'{"username": "ada", "email": "a@b.c"}')
        return Answer(201, b'{"id": 12}') if asked.method == "POST" else Answer(200, b"{}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                headers = {key.lower(): value for key, value in self.headers.items()}
                headers["x-test-connection"] = str(self.client_address[1])
                asked = Asked(self.command, path.removeprefix("/api/v1/"), query, headers, body)
                answer = recorder.answer(asked)
                asked.status = answer.status
                with recorder._lock:
                    recorder.asked.append(asked)
                self.give(answer)

            def give(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
                self.close_connection = self.close_connection or answer.cut

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler
