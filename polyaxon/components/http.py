"""`/healthz`, `/readyz` and `/metrics` of one process.

`/healthz` says that the process works, and is for whoever would kill it if not; `/readyz` that what it needs is there,
too. Both answer with the state of its parts in JSON, 200 or 503.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

SLOWEST_CLIENT = 10.0  # seconds

Probe = Callable[[], tuple[bool, dict[str, Any]]]


class StatusServer:
    """Serves from threads of its own until it is closed. Raises OSError when the address cannot be had."""

    def __init__(self, host: str, port: int, probes: dict[str, Probe]) -> None:
        handler = type("_Bound", (_Handler,), {"probes": probes})
        self._server = _Server((host, port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    timeout = SLOWEST_CLIENT
    probes: dict[str, Probe]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
        elif path in self.probes:
            is_well, state = self.probes[path]()
            self._answer(200 if is_well else 503, "application/json", json.dumps(state).encode() + b"\n")
        else:
            self._answer(404, "text/plain", b"There are /healthz, /readyz and /metrics.\n")

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: probes come every few seconds."""
