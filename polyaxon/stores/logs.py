"""Logs of runs: one text file per run or replica, appended to while it runs, read by byte ranges."""

from __future__ import annotations

import fcntl
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from polyaxon.stores.errors import PathRefused
from polyaxon.stores.paths import contained_unlinked, safe_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

PIECE_BYTES = 64 * 1024
TAIL_MAX_BYTES = 1024 * 1024


def format_line(text: str, when: datetime, role: str | None = None) -> str:
    """`YYYY-MM-DD HH:MM:SS UTC -- text`, or `... UTC master.0 -- text` for a replica; no newline at the end.

    Text of several lines gives as many stamped lines. Raises ValueError if `when` has no time zone.
    """
    if when.tzinfo is None:
        raise ValueError("the time of a log line needs a time zone")
    stamp = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    start = f"{stamp} {role} -- " if role else f"{stamp} -- "
    return "\n".join(start + line.rstrip("\r") for line in text.rstrip("\r\n").split("\n"))


class LogWriter(ABC):
    """A log that somebody keeps the count of: what lies beyond a known size may be written anew."""

    @abstractmethod
    def size(self) -> int:
        """Bytes stored."""

    @abstractmethod
    def rewrite(self, start: int, lines: Iterable[str]) -> int:
        """Have `lines` come after the first `start` bytes, instead of whatever is there; the new size.

        What was written is on the disk when it returns. Lines are as for `LogStore.append`.
        """


class LogStore(ABC):
    """Keeps logs by their sub-path, `<owner>/<project>/experiments/<id>` and the like.

    Every method raises PathRefused for a path that is empty or leads out. A log that was never written is
    empty.
    """

    @abstractmethod
    def append(self, path: str, lines: Iterable[str]) -> int:
        """Add the lines together, each ended with a newline if it is not, unmixed with those of others; the
        new size."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Bytes stored."""

    @abstractmethod
    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, by default to what is stored now, in pieces of at most 64
        KiB.

        A range beyond the end is cut. Raises ValueError for a negative start.
        """

    @abstractmethod
    def writing(self, path: str) -> AbstractContextManager[LogWriter]:
        """The log, with nobody else writing to it while the block lasts."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove the log and all logs below the path; none there is fine."""

    @abstractmethod
    def local_path(self, path: str) -> Path | None:
        """The file to append to directly, its folder made; None if the store is not on this machine's
        disk."""

    def tail(self, path: str, lines: int, max_bytes: int = TAIL_MAX_BYTES) -> bytes:
        """The last `lines` lines, at most `max_bytes` bytes of them."""
        end = self.size(path)
        start, data = end, b""
        # One newline more than lines is needed to know where the first of them begins.
        while start > max(0, end - max_bytes) and data.count(b"\n") <= lines:
            before = max(0, end - max_bytes, start - PIECE_BYTES)
            data = b"".join(self.read(path, before, start)) + data
            start = before
        return _last_lines(data, lines)


class LocalLogStore(LogStore):
    """Logs as files under a root. `a/b` is kept in `a/b.log`, so that `a/b/c` may exist beside it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root)

    def append(self, path: str, lines: Iterable[str]) -> int:
        data = b"".join(_encoded(line) for line in lines)
        file = self.local_path(path)
        with file.open("ab", buffering=0) as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            _write_all(log.fileno(), data)
            return os.fstat(log.fileno()).st_size

    @contextmanager
    def writing(self, path: str) -> Iterator[LogWriter]:
        with self.local_path(path).open("a+b", buffering=0) as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            yield _LocalWriter(log.fileno())

    def size(self, path: str) -> int:
        try:
            return self._file(path).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if start < 0:
            raise ValueError("a log is read from byte 0 on")
        file, size = self._file(path), self.size(path)
        return _pieces(file, start, size if end is None else min(end, size))

    def delete(self, path: str) -> None:
        file = self._file(path)
        file.unlink(missing_ok=True)
        shutil.rmtree(file.with_suffix(""), ignore_errors=True)

    def local_path(self, path: str) -> Path:
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _file(self, path: str) -> Path:
        parts = safe_parts(path)
        if not parts:
            raise PathRefused(path, "is empty")
        return contained_unlinked(self._root, "/".join(parts) + ".log")


class _LocalWriter(LogWriter):
    """An open file that is locked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def rewrite(self, start: int, lines: Iterable[str]) -> int:
        if start < self.size():
            os.ftruncate(self._descriptor, start)
        _write_all(self._descriptor, b"".join(_encoded(line) for line in lines))
        os.fsync(self._descriptor)
        return self.size()


def _encoded(line: str) -> bytes:
    data = line.encode("utf-8", "replace")
    return data if data.endswith(b"\n") else data + b"\n"


def _last_lines(data: bytes, lines: int) -> bytes:
    if lines <= 0:
        return b""
    kept = data.removesuffix(b"\n").split(b"\n")[-lines:]
    return b"\n".join(kept) + data[len(data.removesuffix(b"\n")) :]


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _pieces(file: Path, start: int, end: int) -> Iterator[bytes]:
    if start >= end:
        return
    with file.open("rb", buffering=0) as log:
        log.seek(start)
        left = end - start
        while left and (piece := log.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
