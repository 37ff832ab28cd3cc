"""Requests to the API: addresses, retries, errors, streamed uploads and downloads."""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
import uuid
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Callable, Optional, cast
from urllib.parse import quote, urlsplit

import httpx

from polyaxon_client import __version__
from polyaxon_client.exceptions import ConnectionFailed, PolyaxonHTTPError, http_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from polyaxon_client.settings import Connection, Verify

logger = logging.getLogger("polyaxon_client")

UploadProgress = Callable[[int, int], None]
"""Called with (bytes sent so far, total bytes)."""
DownloadProgress = Callable[[int, Optional[int]], None]
"""Called with (bytes received so far, total bytes or ``None`` when the server does not say)."""

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
RETRY_STATUS = frozenset({429, 500, 502, 503, 504})
# The server makes nothing twice that is sent twice with one key, and gives the first answer again.
KEY_HEADER = "Idempotency-Key"
# Answered to a repetition while the first request is still worked on.
UNDER_WAY = 409
# Nothing was sent when these happen, so that trying again is safe for any method.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
MAX_PAUSE = 30.0
PIECE = 64 * 1024
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Transport:
    """Talks to one server as one identity. Paths are relative to the base address; thread-safe.

    Args:
        connection: address, identity and time-out, see :meth:`polyaxon_client.settings.Settings.connection`.
        retries: how often a request that may be repeated is tried again.
        backoff: seconds before the first repetition, doubled each time.
    """

    def __init__(self, connection: Connection, *, retries: int = 3, backoff: float = 0.3) -> None:
        self.connection = connection
        self._retries = retries
        self._backoff = backoff
        self._http = httpx.Client(
            base_url=connection.base_url,
            headers={
                "User-Agent": f"polyaxon-client/{__version__}",
                "Accept": "application/json, */*;q=0.5",
                **connection.headers,
            },
            timeout=httpx.Timeout(connection.timeout, connect=min(10.0, connection.timeout)),
            verify=_verify(connection.verify),
            # A proxy set for the outside world never reaches a server on this machine.
            trust_env=urlsplit(connection.base_url).hostname not in _LOOPBACK,
        )

    @property
    def base_url(self) -> str:
        """Address of the API, ending in ``/api/v1/``."""
        return self.connection.base_url

    @property
    def root_url(self) -> str:
        """Address of the server, without a final slash: ``http://host:port``."""
        return self.base_url.partition("/api/")[0]

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Transport:  # noqa: PYI034 - `Self` needs a package that we do not depend on
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """One request; the answer is a 2xx.

        Raises:
            PolyaxonHTTPError: any other status (a subclass by status).
            ConnectionFailed: no answer.
        """
        options: dict[str, Any] = {"params": _clean(params), "data": data, "files": files, "headers": headers}
        if json is not None:
            options["json"] = json
        if timeout is not None:
            options["timeout"] = timeout
        return self._checked(self._send(method, path, options))

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Decoded JSON of a GET."""
        return self._decoded(self.request("GET", path, params=params))

    def post(self, path: str, body: Any = None) -> Any:
        """Decoded JSON answer of a POST, ``None`` when it is empty."""
        return self._decoded(self.request("POST", path, json=body))

    def create(self, path: str, body: Any = None) -> Any:
        """The same for what makes something: with a key of its own it is safe to repeat when the answer is lost."""
        headers = {KEY_HEADER: str(uuid.uuid4())}
        return self._decoded(self.request("POST", path, json=body, headers=headers))

    def post_form(self, path: str, form: Mapping[str, str]) -> Any:
        """The same with a form instead of JSON."""
        return self._decoded(self.request("POST", path, data=form))

    def patch(self, path: str, body: Any) -> Any:
        return self._decoded(self.request("PATCH", path, json=body))

    def put(self, path: str, body: Any) -> Any:
        return self._decoded(self.request("PUT", path, json=body))

    def delete(self, path: str, body: Any = None) -> None:
        self.request("DELETE", path, json=body)

    def text(self, path: str, params: Mapping[str, Any] | None = None) -> str:
        """The body of a GET as text."""
        return self.request("GET", path, params=params).text

    def upload(
        self,
        path: str,
        source: Path,
        *,
        field: str = "repo",
        data: Mapping[str, str] | None = None,
        progress: UploadProgress | None = None,
        content_type: str = "text/plain",
        timeout: float | None = 3600.0,
    ) -> Any:
        """PUT a file as ``multipart/form-data``, streamed from disk. The decoded answer or ``None``."""
        with source.open("rb") as handle:
            total = os.fstat(handle.fileno()).st_size
            part = (source.name, cast("IO[bytes]", _CountingReader(handle, total, progress)), content_type)
            response = self.request("PUT", path, data=data, files={field: part}, timeout=timeout)
        return self._decoded(response)

    def download(
        self,
        path: str,
        destination: Path,
        *,
        params: Mapping[str, Any] | None = None,
        progress: DownloadProgress | None = None,
    ) -> Path:
        """GET into a file, streamed; the file appears under its name only when it is complete."""
        partial = destination.with_name(f".{destination.name}.part")
        try:
            with self.stream("GET", path, params=params) as response, partial.open("wb") as handle:
                self._checked(response)
                _copy(response, handle, progress)
            partial.replace(destination)
        finally:
            partial.unlink(missing_ok=True)
        return destination

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer whose body is read piece by piece; any status, tried once.

        Raises:
            ConnectionFailed: no answer, or it broke off while it was read.
        """
        try:
            with self._http.stream(method, self.path(path), params=_clean(params), headers=headers) as response:
                yield response
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def follow_logs(
        self,
        path: str,
        is_done: Callable[[], bool],
        interval: float = 1.0,
        patience: float = 300.0,
    ) -> Iterator[str]:
        """Lines of a growing log, see :func:`polyaxon_client.transport.logs.follow_logs`."""
        from polyaxon_client.transport.logs import follow_logs  # noqa: PLC0415 - it needs this module

        return follow_logs(self, path, is_done, interval=interval, patience=patience)

    @staticmethod
    def path(*parts: object) -> str:
        """Join parts into ``a/b/c/``: slashes around each are stripped, unsafe characters are escaped."""
        pieces = (quote(str(part).strip("/"), safe="/-_.~:@") for part in parts)
        return "".join(f"{piece}/" for piece in pieces if piece)

    def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        keyed = KEY_HEADER in (options.get("headers") or {})
        repeatable = keyed or method in IDEMPOTENT
        retried = RETRY_STATUS | {UNDER_WAY} if keyed else RETRY_STATUS
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                response = self._http.request(method, self.path(path), **options)
            except httpx.TransportError as error:
                if last or not (repeatable or isinstance(error, NEVER_SENT)):
                    raise self._unreachable(error) from error
                self._pause(attempt, None)
                continue
            if last or response.status_code not in retried or not repeatable:
                return response
            self._pause(attempt, response.headers.get("Retry-After"))
        raise AssertionError("unreachable")

    def _pause(self, attempt: int, retry_after: str | None) -> None:
        wanted = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        time.sleep(min(MAX_PAUSE, max(wanted, self._backoff * 2**attempt)))

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        response.read()
        url = str(response.request.url)
        if response.is_redirect:
            target = response.headers.get("Location", "")
            raise PolyaxonHTTPError(response.status_code, url, f"redirected to {target}; check host, port, https")
        raise http_error(response.status_code, url, _body(response))

    def _decoded(self, response: httpx.Response) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ConnectionFailed(
                f"{response.request.url} did not answer with JSON; is this the address of the platform?"
            ) from error

    def _unreachable(self, error: httpx.TransportError) -> ConnectionFailed:
        reason = str(error) or type(error).__name__
        return ConnectionFailed(f"no connection to {self.root_url}: {reason}; is the server running there?")


class _CountingReader:
    """A binary file that reports how much of it was read."""

    def __init__(self, handle: IO[bytes], total: int, progress: UploadProgress | None) -> None:
        self._handle = handle
        self._total = total
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        if self._progress is not None:
            self._progress(self._handle.tell(), self._total)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._handle.seek(offset, whence)

    def tell(self) -> int:
        return self._handle.tell()

    def fileno(self) -> int:
        return self._handle.fileno()


def _copy(response: httpx.Response, handle: IO[bytes], progress: DownloadProgress | None) -> None:
    size = response.headers.get("x-polyaxon-content-length") or response.headers.get("content-length")
    total = int(size) if size and size.isdigit() else None
    received = 0
    for piece in response.iter_bytes(PIECE):
        handle.write(piece)
        received += len(piece)
        if progress is not None:
            progress(received, total)


def _clean(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: value for key, value in params.items() if value is not None} if params else None


def _body(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _verify(verify: Verify) -> bool | ssl.SSLContext:
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return True if verify is None else verify
