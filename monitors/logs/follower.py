"""One container's log, followed by a thread of its own."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitors.logs.lines import Line, LineReader
from monitors.logs.position import Cursor, Position
from monitors.logs.source import LogSource, PodGone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitors.logs.source import Container

logger = logging.getLogger(__name__)

BUFFER = 4 * 1024 * 1024  # bytes that wait to be stored
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between tries
STACK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One start of one container."""

    stream: int  # id of its row
    pod: str
    uid: str
    container: str
    restart: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Lines that are new since `before` of the stream's were stored."""

    before: int
    position: Position
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more comes. `reason`: why something may be missing; `restarts`: of the container, as far as known."""

    reason: str = ""
    restarts: int = 0


class Follower:
    """Reads a container's log as it is written, from `position` on, until it ends or it is told to."""

    def __init__(self, source: LogSource, target: Target, position: Position) -> None:
        self.target = target
        self._source = source
        self._position = position
        self._taken: list[Line] = []
        self._before = position.lines
        self._bytes = 0
        self._end: End | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"log of {target.pod}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give up soon. What was not fetched by `drain` is read again by whoever comes next."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def has_news(self) -> bool:
        """Whether `drain` would give anything."""
        return bool(self._taken) or self._end is not None

    def drain(self) -> tuple[Taken | None, End | None]:
        """New lines, if there are any, and whether they are the last ones."""
        with self._changed:
            lines, before = self._taken, self._before
            self._taken, self._before, self._bytes = [], self._position.lines, 0
            self._changed.notify_all()
            return (Taken(before, self._position, lines) if lines else None), self._end

    def _run(self) -> None:
        failures = 0
        while not self._stopping and self._end is None:
            try:
                self._finish(self._pass())
                failures = 0
            except PodGone:
                self._finish(End(f"{self.target.pod}: its pod was gone before the end of its log was read"))
            except (Unreachable, ValueError) as error:
                logger.info("The log of %s is read again: %s", self.target.pod, error)
                failures += 1
            except Exception:
                logger.exception("The log of %s is read again", self.target.pod)
                failures += 1
            if self._end is None:
                self._pause(PAUSES[min(failures, len(PAUSES) - 1)])

    def _pause(self, seconds: float) -> None:
        with self._changed:
            if not self._stopping:
                self._changed.wait(seconds)

    def _finish(self, end: End | None) -> None:
        with self._changed:
            self._end = end

    def _pass(self) -> End | None:
        """Read once, to the end of the answer. What is read after the container's end, and whole, is all of it."""
        now = self._source.container(self.target.pod, self.target.uid, self.target.container)
        behind = now.restarts - self.target.restart
        if behind > 1:
            lost = f"{self.target.pod}: its container started {behind} times more before its log was read"
            return End(lost, now.restarts)
        if behind < 0 or not now.has_started:
            return None
        is_over = now.has_ended or behind == 1
        self._read(now, follow=not is_over, previous=behind == 1)
        return End(restarts=now.restarts) if is_over else None

    def _read(self, container: Container, *, follow: bool, previous: bool) -> None:
        reader, cursor = LineReader(is_resumed=self._position.since is not None), Cursor(self._position)
        place = (self.target.pod, container.name, self._position.since)
        with self._source.read(*place, follow=follow, previous=previous) as pieces:
            for piece in self._until_stopped(pieces):
                self._put(cursor, reader.feed(piece))
        if not follow and not self._stopping:
            self._put(cursor, reader.flush())

    def _until_stopped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._stopping:
                raise Unreachable("it was told to stop")
            yield piece

    def _put(self, cursor: Cursor, lines: list[Line]) -> None:
        found = [line for line in lines if cursor.take(line)]
        if not found:
            return
        with self._changed:
            while self._bytes > BUFFER and not self._stopping:
                self._changed.wait()
            if self._stopping:
                raise Unreachable("it was told to stop")
            self._taken += found
            self._bytes += sum(len(line.text) for line in found)
            self._position = cursor.position
