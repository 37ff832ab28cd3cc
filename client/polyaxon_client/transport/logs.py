"""Following a log that grows on the server, through broken connections and restarts of the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable

from polyaxon_client.exceptions import ConnectionFailed, ServerError, TooManyRequestsError, http_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from polyaxon_client.transport.http import Transport

OK = 200
PARTIAL = 206
NOT_FOUND = 404
NOTHING_NEW = 416
TEMPORARY = (ConnectionFailed, ServerError, TooManyRequestsError)


def follow_logs(
    transport: Transport,
    path: str,
    is_done: Callable[[], bool],
    *,
    interval: float = 1.0,
    patience: float = 300.0,
) -> Iterator[str]:
    """Yield the lines of a log, without their line ends, until the run is done and everything was read.

    Args:
        path: the ``.../logs/`` path of the run.
        is_done: tells whether the run has ended; it may raise while the server is away.
        interval: seconds between two looks for new text.
        patience: seconds without any answer after which the trouble is raised.

    Raises:
        ConnectionFailed, ServerError: the server stayed away for longer than ``patience``.
        PolyaxonHTTPError: it refuses (no such run, not allowed).
    """
    reader = _Tail(transport, path)
    heard = time.monotonic()
    while True:
        try:
            # Asked before reading, so that what was written until the end is never left behind.
            done = is_done()
            before = reader.offset
            yield from reader.read()
            heard = time.monotonic()
        except TEMPORARY:
            if time.monotonic() - heard > patience:
                raise
            time.sleep(interval)
            continue
        if done and reader.offset == before:
            yield from reader.rest()
            return
        if not done:
            time.sleep(interval)


class _Tail:
    """Reads a log from where the last read stopped; knows how many bytes it has got."""

    def __init__(self, transport: Transport, path: str) -> None:
        self.offset = 0
        self._transport = transport
        self._path = path
        self._buffer = bytearray()

    def read(self) -> Iterator[str]:
        """The complete lines among the new bytes."""
        headers = {"Range": f"bytes={self.offset}-", "Accept-Encoding": "identity"}
        with self._transport.stream("GET", self._path, headers=headers) as response:
            # A server that does not know ranges sends everything again.
            skip = self.offset if response.status_code == OK else 0
            if self._has_text(response):
                for piece in response.iter_bytes():
                    fresh = piece[skip:]
                    skip = max(0, skip - len(piece))
                    self.offset += len(fresh)
                    yield from self._lines(fresh)

    def rest(self) -> Iterator[str]:
        """A last line that has no line end."""
        if self._buffer:
            yield _decode(bytes(self._buffer))
            self._buffer.clear()

    def _has_text(self, response: httpx.Response) -> bool:
        if response.status_code in {OK, PARTIAL}:
            return True
        # 404: the run has not written anything yet.
        if response.status_code not in {NOTHING_NEW, NOT_FOUND}:
            response.read()
            raise http_error(response.status_code, str(response.request.url))
        return False

    def _lines(self, fresh: bytes) -> Iterator[str]:
        head, separator, tail = fresh.rpartition(b"\n")
        if not separator:
            self._buffer += fresh
            return
        lines = bytes(self._buffer + head).split(b"\n")
        # Kept before anything is yielded: a consumer that stops here must not see the text twice.
        self._buffer = bytearray(tail)
        for line in lines:
            yield _decode(line)


def _decode(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r")
