"""Requests, tried again while what fails may pass."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, TypeVar

from helper.problems import Passing, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

TIMEOUT = 60.0  # seconds without a byte
PATIENCE = 300.0  # seconds for which a request is tried again
LONGEST_WAIT = 20.0
TOO_MANY, SERVER_ERROR = 429, 500


def send(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | IO[bytes] | None = None,
) -> http.client.HTTPResponse:
    """The open answer. Raises `Passing` for what may pass, `Problem` for the rest."""
    if not url.startswith(("http://", "https://")):
        raise Problem(f"{url}: is no http address")
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - checked
    try:
        found: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - checked
    except urllib.error.HTTPError as error:
        raise _refusal(url, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"{_short(url)}: {getattr(error, 'reason', None) or error}") from error
    return found


def read(answer: http.client.HTTPResponse, size: int | None = None) -> bytes:
    """At most `size` bytes of the body, or all of it. Raises `Passing` if the connection breaks."""
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"{_short(answer.url)}: the answer broke off: {error}") from error


def _refusal(url: str, error: urllib.error.HTTPError) -> Problem:
    said = error.read(2000).decode(errors="replace").strip()
    text = f"{_short(url)}: {error.code} {error.reason}" + (f": {said}" if said else "")
    return Passing(text) if error.code == TOO_MANY or error.code >= SERVER_ERROR else Problem(text)


def _short(url: str) -> str:
    """Without the query, which may hold signatures."""
    return url.partition("?")[0]


def patiently(act: Callable[[], T], patience: float = PATIENCE) -> T:
    """`act`, tried again while it says that its problem may pass."""
    deadline, wait = time.monotonic() + patience, 0.5
    while True:
        try:
            return act()
        except Passing:
            if time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
