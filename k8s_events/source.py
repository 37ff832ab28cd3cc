"""Pods of our label, listed and watched through the API server, and what its refusals mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
from kubernetes import client
from urllib3.exceptions import HTTPError, ReadTimeoutError

from polyaxon.pods import access, labels

Json = dict[str, Any]

CONNECT_TIMEOUT = 5.0  # seconds
LIST_TIMEOUT = 30.0
PAGE = 500
CHUNK = 1 << 16
GONE, REFUSED = 410, (401, 403)


class Gone(Exception):
    """The server does not remember the version that we know; a list is due."""


class Silence(Exception):
    """Nothing came, not even the end. What was missed, nobody knows."""


class Unavailable(Exception):
    """It may work the next time."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds


class Refused(Exception):
    """We may not, or the server does not know us."""


class Watched:
    """An open watch: an iterator of events. `cut` ends it from another thread."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[Json]:
        rest = b""
        with _Translated():
            for chunk in self._response.stream(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield _event(line)

    def cut(self) -> None:
        """Have the iterator end, or raise, at once."""
        with contextlib.suppress(OSError, RuntimeError, ValueError, HTTPError):  # raised if it has ended already
            self._response.shutdown()

    def close(self) -> None:
        """Give up the connection."""
        self._response.close()


class PodSource:
    """One namespace. Raises `Gone`, `Silence`, `Unavailable`, `Refused`."""

    def __init__(self, kubeconfig: str, context: str, namespace: str) -> None:
        self.namespace = namespace
        self._access = (kubeconfig, context)
        self._client: client.ApiClient | None = None

    def list(self) -> tuple[list[Json], str]:
        """All pods as they are now, and the version from which to watch."""
        query: Json = {"limit": PAGE}
        found: list[Json] = []
        while True:
            page = self._page(query)
            found += page.get("items") or ()
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return found, str(meta.get("resourceVersion") or "")
            query["continue"] = meta["continue"]

    def watch(self, version: str, seconds: int, silence: float) -> Watched:
        """Changes since `version`, for `seconds`; `silence`: seconds without a byte until it is given up."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        with _Translated():
            return Watched(self._ask(query, silence))

    def forget_access(self) -> None:
        """Read the credentials anew the next time."""
        self._client = None

    def _page(self, query: Json) -> Json:
        with _Translated():
            found: Json = orjson.loads(self._ask(query, LIST_TIMEOUT).data)
            return found

    def _ask(self, query: Json, silence: float) -> Any:
        if self._client is None:
            self._client = access.connect(*self._access)
        return self._client.call_api(
            f"/api/v1/namespaces/{self.namespace}/pods",
            "GET",
            query_params=[("labelSelector", labels.SELECTOR), *query.items()],
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=(CONNECT_TIMEOUT, silence),
        )


class _Translated:
    """What the client raises, as what it means for us."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, client.ApiException):
            raise _meaning(error.status, error.reason, error.headers) from error
        if isinstance(error, ReadTimeoutError | TimeoutError):
            raise Silence(f"the API server was silent: {error}") from error
        if isinstance(error, HTTPError | OSError | ValueError | access.NoAccess):
            raise Unavailable(f"the API server does not answer: {error}") from error


def _event(line: bytes) -> Json:
    """One event. An error that the server sends as an event is raised."""
    event: Json = orjson.loads(line)
    if event.get("type") == "ERROR":
        status = event.get("object") or {}
        raise _meaning(status.get("code"), status.get("message"), {})
    return event


def _meaning(status: Any, reason: Any, headers: Any) -> Exception:
    told = f"{status} {reason or ''}".strip()
    if status == GONE:
        return Gone(told)
    if status in REFUSED:
        return Refused(told)
    after = str((headers or {}).get("Retry-After", ""))
    return Unavailable(f"the API server answers {told}", float(after) if after.isdigit() else 0.0)
