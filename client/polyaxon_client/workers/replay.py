"""Sending recordings: of runs that were tracked offline, and of what a server did not take in time."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, NamedTuple

from polyaxon_client.exceptions import AuthenticationError, ConnectionFailed
from polyaxon_client.workers.delivery import NOT_SENT, Delivery
from polyaxon_client.workers.request import Request
from polyaxon_client.workers.spool import Spool

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection

REFUSED = "refused.jsonl"
UNAUTHORIZED = 401
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class Replayed(NamedTuple):
    """How many points, lines and updates arrived, and how many the server refused."""

    sent: int
    refused: int


Progress = Callable[[int, int], None]
"""Called with (sent so far, all)."""


class Replay(Delivery):
    """Sends one recording. What the server refuses is left in it, in ``refused.jsonl``.

    Args:
        spool: the recording, loaded.
        connection: where to, and as whom.
        patience: seconds to go on trying while the server is away.
    """

    def __init__(self, spool: Spool, connection: Connection, patience: float = 60.0) -> None:
        super().__init__(connection)
        self._spool = spool
        self._patience = patience
        self._refused = 0

    def run(self, progress: Progress | None = None) -> Replayed:
        """Send all of it, from where an earlier attempt stopped.

        Raises:
            ConnectionFailed: the server stayed away; what was sent is noted.
            AuthenticationError: the token is not valid there.
        """
        sent, total = 0, len(self._spool)
        while True:
            request = self._spool.head()
            if request is None:
                break
            self._send(request)
            if request.creates:
                self._spool.note()
            self._spool.advance()
            sent += request.count
            if progress is not None:
                progress(sent, total)
        self.wire.close()
        return Replayed(sent - self._refused, self._refused)

    def refused(self, request: Request, status: int, body: bytes) -> None:
        """Keep it: nothing that was recorded gets lost in silence."""
        if status == UNAUTHORIZED:
            raise AuthenticationError(status, self.connection.base_url)
        super().refused(request, status, body)
        self._refused += request.count
        with (self._spool.folder / REFUSED).open("ab") as kept:
            kept.write(request.record(self._spool.targets.index(request.target) if request.target else None))

    def _send(self, request: Request) -> None:
        pause, started = FIRST_PAUSE, time.monotonic()
        if request.target is not None and not request.target.alive:
            self.refused(request, NOT_SENT, b"its run was refused")
            return
        while True:
            wanted = self.settle(request)
            if wanted is None:
                return
            if time.monotonic() - started > self._patience:
                raise ConnectionFailed(
                    f"{self.connection.base_url} does not answer; `polyaxon sync` goes on from here when it is back"
                )
            time.sleep(max(pause, wanted))
            pause = min(pause * 2, LONGEST_PAUSE)


def replay(
    folder: Path,
    connection: Connection,
    *,
    keep: bool = False,
    patience: float = 60.0,
    progress: Progress | None = None,
) -> Replayed:
    """Send the recording in ``folder``, and remove it when all of it arrived, unless ``keep``.

    Raises:
        Busy: another process writes or sends it.
        OSError, ValueError: it cannot be read.
        ConnectionFailed, AuthenticationError: see :meth:`Replay.run`.
    """
    spool = Spool.load(folder)
    try:
        replayed = Replay(spool, connection, patience).run(progress)
    finally:
        spool.forget()
    if not replayed.refused and not keep and not (folder / REFUSED).exists():
        shutil.rmtree(folder, ignore_errors=True)
    return replayed
