"""One kept connection to the API over :mod:`http.client`; used by one thread at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from polyaxon_client import __version__

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from http.client import HTTPConnection

    from polyaxon_client.settings import Connection

# Servers close idle connections after a few seconds; after that, a new one is safer.
IDLE_LIMIT = 2.0
MAX_ANSWER = 4 * 1024 * 1024
OK = range(200, 300)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Reply(NamedTuple):
    """An answer: status, body, and the seconds the server asks to wait, if it does."""

    status: int
    body: bytes
    retry_after: float

    @property
    def ok(self) -> bool:
        return self.status in OK


class Unreachable(Exception):
    """No answer; the text says why."""


class Wire:
    """Calls of the API. Raises :class:`Unreachable` when no answer came."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._split = urlsplit(connection.base_url)
        self._http: HTTPConnection | None = None
        # Whether the server takes columns and compressed bodies, as those after 0.6 do.
        self.is_modern = True
        self._used = 0.0
        self._absolute = ""

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        from http.client import HTTPException  # noqa: PLC0415 - imported in the background, not at start

        seconds = self.connection.timeout if timeout is None else min(timeout, self.connection.timeout)
        if self._http is not None and time.monotonic() - self._used > IDLE_LIMIT:
            self.close()
        reused = self._http is not None
        try:
            try:
                return self._exchange(method, path, body, headers, seconds)
            except ConnectionError:
                self.close()
                if not reused:
                    raise
                return self._exchange(method, path, body, headers, seconds)
        except (OSError, HTTPException) as error:
            self.close()
            raise Unreachable(str(error) or type(error).__name__) from error

    def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> Reply:
        http = self._opened(timeout)
        url = f"{self._absolute}{self._split.path}{path}"
        http.request(method, url, body, {**self._headers(body), **(headers or {})})
        response = http.getresponse()
        answer = response.read(MAX_ANSWER)
        if response.length and len(answer) < MAX_ANSWER:
            raise ConnectionResetError("the answer broke off")
        reply = Reply(response.status, answer, _seconds(response.headers.get("Retry-After")))
        self._used = time.monotonic()
        if response.will_close or response.read(1):
            self.close()
        return reply

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"User-Agent": f"polyaxon-client/{__version__}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return {**headers, **self.connection.headers}

    def _opened(self, timeout: float) -> HTTPConnection:
        if self._http is None:
            self._http = self._connect(timeout)
        elif self._http.sock is not None:
            self._http.sock.settimeout(timeout)
        return self._http

    def _connect(self, timeout: float) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        split = self._split
        host, secure = split.hostname or "", split.scheme == "https"
        proxy = _proxy(split.scheme, host)
        self._absolute = f"http://{split.netloc}" if proxy and not secure else ""
        peer = urlsplit(proxy) if proxy else split
        name, port = peer.hostname or "", peer.port
        if not secure:
            return HTTPConnection(name, port, timeout=timeout)
        https = HTTPSConnection(name, port, timeout=timeout, context=self._context())
        if proxy:
            https.set_tunnel(host, split.port, _proxy_headers(peer.username, peer.password))
        return https

    def _context(self) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415

        verify = self.connection.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _proxy(scheme: str, host: str) -> str | None:
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    if host in _LOOPBACK or proxy_bypass(host):
        return None
    return getproxies().get(scheme)


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    from base64 import b64encode  # noqa: PLC0415

    if not user:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"}


def _seconds(value: str | None) -> float:
    return float(value) if value and value.isdigit() else 0.0
