"""A run's log and statuses in the order in which a follower is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from api.streams.polling import Watch

HEARTBEAT = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines without their ends, and the byte after them."""

    lines: list[str]
    offset: int


@dataclass(frozen=True, slots=True)
class Status:
    """A change of the status; `end`: nothing follows."""

    status: str
    end: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing happened for a while."""


News = Lines | Status | Silence


async def news(watch: Watch, offset: int, heartbeat: float = HEARTBEAT) -> AsyncIterator[News]:
    """Everything from byte `offset` on, until the run is done and all is told."""
    told: str | None = None
    while True:
        status, done, size = watch.status or "deleted", watch.done, watch.size
        if status != told and not done:
            told = status
            yield Status(status)
        while offset < size:
            found = await _lines(watch, offset, size, whole=not done)
            if found is None:
                break
            offset = found.offset
            yield found
        if done:
            yield Status(status, end=True)
            return
        if (watch.status or "deleted", watch.size) == (status, size) and not await watch.news(heartbeat):
            yield Silence()


async def _lines(watch: Watch, offset: int, size: int, *, whole: bool) -> Lines | None:
    """The next lines; None if there is no whole one yet. A line longer than a piece is given in parts."""
    data = (await watch.read(offset))[: size - offset]
    end = data.rfind(b"\n") + 1
    if not end and whole and offset + len(data) >= size:
        return None
    data = data[:end] if end else data
    if not data:
        return None
    return Lines(data.decode("utf-8", "replace").removesuffix("\n").split("\n"), offset + len(data))
