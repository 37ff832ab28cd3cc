"""Offline: what would be sent is written to a recording, which ``polyaxon sync`` sends later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_client.settings import Connection
from polyaxon_client.workers.lanes import FILES, Item
from polyaxon_client.workers.sender import Sender
from polyaxon_client.workers.spool import Spool, new_name

if TYPE_CHECKING:
    from polyaxon_client.workers.request import Request
    from polyaxon_client.workers.target import Target

_RECORDERS: dict[Path, Recorder] = {}


class Recorder(Sender):
    """Takes what a sender takes, and opens no connection.

    Args:
        root: folder for recordings; this process makes one in it when the first item comes.
        interval: seconds that points and lines may wait for company.
    """

    def __init__(self, root: Path, *, interval: float = 1.0) -> None:
        super().__init__(Connection(""), interval=interval, spool=root)

    def upload(self, target: Target, files: list[dict[str, Any]]) -> None:
        """Have copies of the files in the recording."""
        self.submit(Item(FILES, target, files))

    def keep_alive(self, target: Target) -> None:
        """Nobody is there to hear it."""

    @property
    def folder(self) -> Path | None:
        """The recording; it is there once something was logged."""
        return None if self._spool is None else self._spool.folder

    @property
    def _waits_on_disk(self) -> bool:
        """What is on disk has arrived."""
        return False

    def _deliver(self, request: Request) -> None:
        with self._changed:
            if not request.is_empty:
                self._on_disk(lambda spool: spool.append(request))
            self._landed()

    def _new_spool(self) -> Spool | None:
        # Whoever records offline decides how much.
        return None if self._spool_root is None else Spool(self._spool_root / new_name(), limit=1 << 62)


def recorder_for(root: Path, interval: float = 1.0) -> Recorder:
    """The one recorder of this process for a folder."""
    if root not in _RECORDERS:
        _RECORDERS[root] = Recorder(root, interval=interval)
    return _RECORDERS[root]
