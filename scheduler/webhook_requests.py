"""One request of a webhook: signed, without redirects, within a time, to a public address."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from polyaxon.actions.webhooks import check_reachable

SIGNATURE_HEADER = "X-Polyaxon-Signature"
TIMESTAMP_HEADER = "X-Polyaxon-Timestamp"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: the code of the answer, or why there was none."""

    code: int | None
    error: str = ""

    @property
    def taken(self) -> bool:
        return self.code is not None and 200 <= self.code < 300  # noqa: PLR2004 - success


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256, in hex, of timestamp, dot and body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def send(url: str, secret: str, payload: dict[str, Any], *, delivery: str, timeout: float) -> Outcome:
    """POST `payload` as JSON. Takes at most `timeout` seconds once the name is resolved; raises nothing."""
    body, timestamp = json.dumps(payload).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Polyaxon-Webhook/1",
        "X-Polyaxon-Event": str(payload.get("type", "")),
        "X-Polyaxon-Delivery": delivery,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: signature(secret, timestamp, body),
    }
    parts = urlsplit(url)
    try:
        code = _post(parts, body, headers, timeout)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Outcome(None, f"{type(error).__name__}: {error}"[:500])
    return Outcome(code, "" if Outcome(code).taken else f"The answer was {code}.")


def _post(parts: SplitResult, body: bytes, headers: dict[str, str], timeout: float) -> int:
    address = _resolve(parts)
    connection = _Connection(parts, address, timeout)
    # The socket's own time-out begins again with every byte that arrives.
    end = threading.Timer(timeout, connection.abort)
    end.daemon = True
    end.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    finally:
        end.cancel()
        connection.close()


def _resolve(parts: SplitResult) -> tuple[Any, ...]:
    """The first address of the host. All of them must be public: who is asked again must not answer otherwise."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        check_reachable(str(address[0]))
    return found[0][4]


class _Connection(http.client.HTTPConnection):
    """To an address that was checked, under the name that was asked for."""

    def __init__(self, parts: SplitResult, address: tuple[Any, ...], timeout: float) -> None:
        super().__init__(parts.hostname or "", parts.port, timeout=timeout)
        if parts.scheme == "https":
            self.default_port = 443
            self.port = parts.port or 443
        self._parts, self._address = parts, address

    def connect(self) -> None:
        self.sock = socket.create_connection(self._address[:2], self.timeout)
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._parts.hostname)

    def abort(self) -> None:
        """Wake whoever waits for the other side."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
