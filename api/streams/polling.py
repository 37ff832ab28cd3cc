"""Followed runs: one look at all of them, shared by everybody who follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from api.streams.access import in_thread
from api.streams.targets import RunTarget
from polyaxon import storage
from polyaxon.actions.log_shipments import unfinished

logger = logging.getLogger(__name__)

RUNNING = "running"
LOGS_PATIENCE = timedelta(seconds=30)  # with logs of pods that are not stored yet, after the end of their run
INTERVAL = 0.25  # seconds between two looks
PIECE_BYTES = 64 * 1024


@dataclass(slots=True, eq=False)
class Watch:
    """A run as it was seen last. `status` None: it is gone."""

    target: RunTarget
    status: str | None = None
    size: int = 0
    followers: int = 0
    looked: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _piece: tuple[int, bytes] = (0, b"")

    @property
    def done(self) -> bool:
        return self.status is None or self.status in self.target.done

    def see(self, status: str | None, size: int, *, is_whole: bool = True) -> None:
        """Take what was seen, and wake the followers if it is news. Before its log is whole, no run is told as done."""
        if not is_whole and status in self.target.done:
            status = self.status or RUNNING
        if self.looked and (status, size) == (self.status, self.size):
            return
        self.looked, self.status, self.size = True, status, size
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self, seconds: float) -> bool:
        """Wait for the next change; False when none came in time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def read(self, start: int) -> bytes:
        """Bytes from `start` on, at most a piece. Followers who are at the same place share one reading."""
        async with self._reading:
            kept_start, kept = self._piece
            # Without the end of a line in it the piece may have been read before the line was written to its end.
            if start < kept_start or kept.find(b"\n", start - kept_start) < 0:
                kept_start, kept = start, await _read(self.target.log_path, start, min(start + PIECE_BYTES, self.size))
                self._piece = (kept_start, kept)
            return kept[start - kept_start :]


class Watches:
    """Every followed run of this process. Lives on the event loop."""

    def __init__(self) -> None:
        self._watches: dict[RunTarget, Watch] = {}
        self._poller: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def follow(self, target: RunTarget) -> AsyncIterator[Watch]:
        """The run's watch, looked at once at least."""
        watch = self._watches.setdefault(target, Watch(target))
        watch.followers += 1
        try:
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            while not watch.looked:
                await watch.news(INTERVAL)
            yield watch
        finally:
            watch.followers -= 1
            if not watch.followers:
                self._watches.pop(target, None)

    async def _poll(self) -> None:
        while self._watches:
            try:
                for target, (status, size, is_whole) in (await _look(tuple(self._watches))).items():
                    if target in self._watches:
                        self._watches[target].see(status, size, is_whole=is_whole)
            except Exception:
                logger.exception("following runs")
            await asyncio.sleep(INTERVAL)


@in_thread
def _look(targets: Iterable[RunTarget]) -> dict[RunTarget, tuple[str | None, int, bool]]:
    """Statuses first: what a run that is done wrote is there by then, or is said to be still on its way."""
    by_model: dict[type, list[int]] = {}
    for target in targets:
        by_model.setdefault(target.model, []).append(target.pk)
    seen = {
        (model, pk): (status, finished)
        for model, keys in by_model.items()
        for pk, status, finished in model._base_manager.filter(pk__in=keys).values_list(  # type: ignore[attr-defined]
            "pk", "status", "finished_at"
        )
    }
    late = timezone.now() - LOGS_PATIENCE
    just_done = [
        target
        for target in targets
        if (row := seen.get((target.model, target.pk))) and row[0] in target.done and row[1] and row[1] > late
    ]
    coming = unfinished({target.log_path for target in just_done})
    logs = storage.logs()
    return {
        target: (
            seen.get((target.model, target.pk), (None,))[0],
            logs.size(target.log_path),
            target.log_path not in coming,
        )
        for target in targets
    }


@in_thread
def _read(path: str, start: int, end: int) -> bytes:
    return b"".join(storage.logs().read(path, start, end))


watches = Watches()
