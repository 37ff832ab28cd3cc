"""A recording: requests that wait on disk, in the order in which they are to be sent.

A folder holds ``recording.json`` (of which server, which runs, and what was sent already), segments of one request a
line, ``files/`` with what is to be uploaded, and ``lock``, held by the process that writes or sends it. Whoever reads
it after a crash may send the last request twice, under the same id, so that the server stores it once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from polyaxon_client.workers import lanes
from polyaxon_client.workers.request import Request
from polyaxon_client.workers.target import Target
from polyaxon_client.workers.values import json_safe

HEAD = "recording.json"
FILES = "files"
SEGMENT_BYTES = 8 * 1024 * 1024
FIRST_SEGMENT = 1_000_000  # room for what is put in front
Position = tuple[int, int]


class Spool:
    """A recording that this process writes. Not thread-safe.

    Args:
        folder: made when the first request comes.
        server: address of the API that it is for; empty when that is not known.
        limit: most bytes of all waiting requests.
    """

    def __init__(self, folder: Path, server: str = "", limit: int = 1 << 30) -> None:
        self.folder = folder
        self._server = server
        self._limit = limit
        self.targets: list[Target] = []
        self.created_at = time.time()
        self._lock: int | None = None
        self._writing: int | None = None
        self._sizes: dict[int, int] = {}
        self._position: Position = (FIRST_SEGMENT, 0)
        self._next: tuple[Request, int] | None = None
        self._count = 0

    def __len__(self) -> int:
        """How many points, lines and updates wait."""
        return self._count

    @property
    def is_empty(self) -> bool:
        return not self._sizes

    @property
    def has_room(self) -> bool:
        return sum(self._sizes.values()) < self._limit

    def append(self, request: Request) -> None:
        """Files are copied into the recording. Raises OSError, with nothing appended."""
        self._open()
        if request.lane == lanes.FILES:
            request.payload = [{**file, "file": self._kept(file), "temporary": True} for file in request.payload]
        line = request.record(self._number(request.target))
        descriptor, last = self._segment()
        _write(descriptor, line, self._sizes[last])
        self._sizes[last] += len(line)
        self._count += request.count

    def prepend(self, request: Request) -> None:
        """Put a request that is older than all others before them. None of those was sent yet. Raises OSError."""
        self._open()
        first = min(self._sizes, default=FIRST_SEGMENT) - 1
        line = request.record(self._number(request.target))
        (self.folder / _segment(first)).write_bytes(line)
        self._sizes[first] = len(line)
        self._next = None
        self._count += request.count
        self._move((first, 0))

    def head(self) -> Request | None:
        """The oldest request, which stays until :meth:`advance`; ``None`` when there is none."""
        while self._next is None and self._sizes:
            segment = min(self._sizes)
            offset = self._position[1] if segment == self._position[0] else 0
            line = _line_at(self.folder / _segment(segment), offset)
            if not line:
                self._leave(segment)
                continue
            request = self._decoded(line)
            if request is None:  # half a line of a process that was killed
                self._move((segment, offset + len(line)))
                continue
            self._next = (request, len(line))
        return None if self._next is None else self._next[0]

    def advance(self) -> None:
        """The head was dealt with."""
        if self._next is None:
            return
        (request, length), self._next = self._next, None
        segment = min(self._sizes)
        offset = self._position[1] if segment == self._position[0] else 0
        self._count = max(0, self._count - request.count)
        self._move((segment, offset + length))
        if offset + length >= self._sizes.get(segment, 0):
            self._leave(segment)

    def _kept(self, file: dict[str, Any]) -> str:
        from uuid import uuid4  # noqa: PLC0415

        kept = self.folder / FILES / uuid4().hex
        kept.parent.mkdir(exist_ok=True)
        (shutil.move if file.get("temporary") else shutil.copyfile)(file["file"], kept)
        return f"{FILES}/{kept.name}"

    def note(self) -> None:
        """Write down what is known of the runs."""
        if self._lock is not None:
            self._write_head()

    def close(self) -> None:
        """Release the folder, and remove it when nothing waits in it."""
        if self._lock is not None and self.is_empty:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.forget()

    def forget(self) -> None:
        """Close what is open, and leave the folder as it is."""
        for descriptor in (self._writing, self._lock):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._writing = self._lock = None

    @classmethod
    def load(cls, folder: Path) -> Spool:
        """A recording that another process left. Raises :class:`Busy`, OSError, ValueError."""
        lock = _locked(folder)
        try:
            head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
            spool = cls(folder, head["server"])
            spool.created_at = head["created_at"]
            spool.targets = [Target.from_dict(run) for run in head["runs"]]
            spool._position = tuple(head["position"])
            spool._sizes = _sizes(folder, spool._position[0])
            spool._count = sum(request.count for request in spool.waiting())
        except (KeyError, TypeError, AttributeError) as error:
            os.close(lock)
            raise ValueError(f"{folder / HEAD} is not that of a recording") from error
        except BaseException:
            os.close(lock)
            raise
        spool._lock = lock
        return spool

    @property
    def server(self) -> str:
        return self._server

    def waiting(self) -> Iterator[Request]:
        """All that is still to be sent."""
        first, offset = self._position
        for segment in sorted(self._sizes):
            with (self.folder / _segment(segment)).open("rb") as lines:
                lines.seek(offset if segment == first else 0)
                for line in lines:
                    request = self._decoded(line)
                    if request is not None:
                        yield request

    def _decoded(self, line: bytes) -> Request | None:
        try:
            request = Request.from_record(json.loads(line), self.targets)
            if request.lane == lanes.FILES:
                for file in request.payload:
                    file["file"] = str(self.folder / file["file"])
        except (ValueError, KeyError, IndexError, TypeError):
            return None
        return request

    def _open(self) -> None:
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _locked(self.folder)
            self._write_head()

    def _write_head(self) -> None:
        head = {
            "version": 1,
            "server": self._server,
            "created_at": self.created_at,
            "pid": os.getpid(),
            "runs": [target.as_dict() for target in self.targets],
            "position": self._position,
        }
        partial = self.folder / f".{HEAD}.part"
        partial.write_text(json.dumps(json_safe(head)), encoding="utf-8")
        partial.replace(self.folder / HEAD)

    def _number(self, target: Target | None) -> int | None:
        if target is None:
            return None
        if target not in self.targets:
            self.targets.append(target)
            self._write_head()
        return self.targets.index(target)

    def _segment(self) -> tuple[int, int]:
        """Descriptor and number of the segment that is written; another one when it is full."""
        last = max(self._sizes, default=self._position[0])
        if self._writing is not None and self._sizes.get(last, 0) < SEGMENT_BYTES:
            return self._writing, last
        number = max(last + 1, FIRST_SEGMENT) if self._sizes else last
        return self._begin_segment(number), number

    def _begin_segment(self, number: int) -> int:
        if self._writing is not None:
            os.close(self._writing)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._writing = os.open(self.folder / _segment(number), flags, 0o600)
        is_first = not self._sizes
        self._sizes[number] = 0
        if is_first:
            self._move((number, 0))
        return self._writing

    def _leave(self, segment: int) -> None:
        """Go on with the next segment; this one was sent."""
        if segment == max(self._sizes) and self._writing is not None:
            os.close(self._writing)
            self._writing = None
        following = min((number for number in self._sizes if number > segment), default=segment + 1)
        self._move((following, 0))
        self._remove(segment)

    def _move(self, position: Position) -> None:
        self._position = position
        self._write_head()

    def _remove(self, segment: int) -> None:
        self._sizes.pop(segment, None)
        (self.folder / _segment(segment)).unlink()


class Busy(Exception):
    """Another process writes or sends the recording."""


def recordings(root: Path) -> list[Path]:
    """``root`` itself if it is a recording, else those in it, oldest first."""
    if (root / HEAD).is_file():
        return [root]
    found: Iterable[Path] = root.glob(f"*/{HEAD}") if root.is_dir() else ()
    return sorted((head.parent for head in found), key=lambda folder: folder.name)


def new_name() -> str:
    """Name of a recording's folder: sorts by time and is taken by nobody else."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}-{os.urandom(3).hex()}"


def _segment(number: int) -> str:
    return f"{number:08}.jsonl"


def _sizes(folder: Path, first: int) -> dict[int, int]:
    found = {int(path.stem): path.stat().st_size for path in folder.glob("*.jsonl") if path.stem.isdigit()}
    return {number: size for number, size in found.items() if number >= first}


def _line_at(path: Path, offset: int) -> bytes:
    with path.open("rb") as lines:
        lines.seek(offset)
        return lines.readline()


def _write(descriptor: int, line: bytes, start: int) -> None:
    """All of it or nothing."""
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, start)
        raise


def _locked(folder: Path) -> int:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(f"{folder} is in use by another process") from None
    except OSError:  # a file system without locks
        pass
    return descriptor
