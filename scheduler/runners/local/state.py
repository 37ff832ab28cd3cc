"""The server's view of one attempt's state folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING

from scheduler.runners.base import Observation, Phase, StopReason
from scheduler.runners.local import files, reasons, service
from scheduler.runners.local.processes import end_marked, identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = "POLYAXON_LOCAL_ATTEMPT"  # in the environment of every process of a run
LEFTOVER_PATIENCE = LEAVING_PATIENCE = 5.0  # seconds


class AttemptState:
    """Reads and writes the folder `<root>/<run>/<attempt>`; see `files` for what it holds."""

    def __init__(self, run_folder: Path, attempt: int) -> None:
        self.attempt = attempt
        self.folder = run_folder / str(attempt)
        self.mark = f"{run_folder.name}.{attempt}"

    def launch(self, launch: dict[str, object]) -> None:
        """Say what is to run."""
        self._make_folder()
        files.write_json(self._path(files.LAUNCH), launch)

    def is_unfinished(self) -> bool:
        """Whether it was launched, and its end is not written down."""
        launched = (self.folder / files.LAUNCH).exists() or self.has_begun()
        return launched and not self.has_exited()

    def has_begun(self) -> bool:
        """Whether the command was started, or was just about to be."""
        return (self.folder / files.BEGUN).exists()

    def has_exited(self) -> bool:
        """Whether the end is written down."""
        return (self.folder / files.EXIT).exists()

    def is_live(self) -> bool:
        """Whether a supervisor lives. The kernel drops its lock with it, so no reused pid can deceive."""
        with self._lock(fcntl.LOCK_SH) as free:
            return not free

    def is_over(self) -> bool:
        """Whether no supervisor lives; one that has written the end is given the moment it needs to leave."""
        deadline = time.monotonic() + LEAVING_PATIENCE
        while self.is_live():
            if not self.has_exited() or time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def supervisor_pid(self) -> int | None:
        """The supervisor's pid, if that number still means it."""
        recorded = files.read_json(self._path(files.SHIM))
        pid = recorded.get("pid") if recorded else None
        return pid if isinstance(pid, int) and identity(pid) == recorded else None

    def scrub(self) -> None:
        """Remove the environment from the disk."""
        if self.folder.is_dir():
            files.scrub(str(self.folder))

    def request_stop(self, reason: StopReason, grace: float) -> None:
        """Ask the supervisor to end the command, or end the attempt here if none will ever begin."""
        self._make_folder()
        reason = self._requested() or reason
        request: dict[str, object] = {"reason": reason.value, "grace": max(0.0, grace)}
        if files.read_json(self._path(files.STOP)) != request:  # asked for again at every look until it has ended
            files.write_json(self._path(files.STOP), request)
        while not (self.has_begun() or self.is_live() or self._settle_unbegun(reason)):
            time.sleep(0.005)  # an observer was testing the lock

    def observe(self) -> Observation:
        """Where the attempt stands; kills what a lost one left behind."""
        # In this order: a supervisor that marked the beginning holds the lock until its end is written.
        begun = self.has_begun()
        live = self.is_live()
        record = files.read_json(self._path(files.EXIT))
        if record is not None:
            return _exited(record)
        if live:
            return self._living() if begun else Observation(Phase.STARTING)
        return self._lost() if begun else Observation(Phase.ABSENT)

    def _living(self) -> Observation:
        return Observation(Phase.RUNNING, started_at=self._started_at(), is_ready=service.is_ready(self.folder))

    def _lost(self) -> Observation:
        gone = end_marked(f"{MARK}={self.mark}", LEFTOVER_PATIENCE)
        self.scrub()
        return Observation(
            Phase.LOST,
            started_at=self._started_at(),
            stop_reason=self._requested(),
            message=reasons.VANISHED + ("" if gone else "; some of its processes could not be ended"),
        )

    def _started_at(self) -> datetime | None:
        try:
            return _time((self.folder / files.BEGUN).read_text())
        except (FileNotFoundError, ValueError):  # not begun, or marked this very moment
            return None

    def _requested(self) -> StopReason | None:
        request = files.read_json(self._path(files.STOP))
        return StopReason(str(request["reason"])) if request else None

    def _settle_unbegun(self, reason: StopReason) -> bool:
        """Write the end of an attempt that no supervisor holds; whether it is settled."""
        with self._lock(fcntl.LOCK_EX, create=True) as free:
            if free and not self.has_begun() and not self.has_exited():
                record: dict[str, object] = {"stop_reason": reason.value, "finished_at": files.utc_now()}
                files.write_json(self._path(files.EXIT), record)
                self.scrub()
            return free

    @contextlib.contextmanager
    def _lock(self, kind: int, *, create: bool = False) -> Iterator[bool]:
        """Try the supervisor's lock; gives whether it was free. It is held, if it was, inside the block."""
        try:
            flags = os.O_RDWR | (os.O_CREAT if create else 0)
            fd = os.open(self._path(files.LOCK), flags, 0o600)
        except FileNotFoundError:
            yield True
            return
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
            fcntl.flock(fd, fcntl.LOCK_UN)  # a concurrent fork may hold a copy of the descriptor for a moment
        finally:
            os.close(fd)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, name: str) -> str:
        return str(self.folder / name)


def _exited(record: dict[str, object]) -> Observation:
    code, number, error = record.get("exit_code"), record.get("signal"), record.get("error")
    reason = StopReason(str(record["stop_reason"])) if record.get("stop_reason") else None
    code, number = code if isinstance(code, int) else None, number if isinstance(number, int) else None
    started = _time(record.get("started_at"))
    return Observation(
        Phase.EXITED,
        started_at=started,
        finished_at=_time(record.get("finished_at")),
        exit_code=code,
        signal=number,
        stop_reason=reason,
        message=str(error) if error else _message(code, number, reason, began=started is not None),
    )


def _message(code: int | None, number: int | None, reason: StopReason | None, *, began: bool) -> str | None:
    if reason is not None:
        return reasons.of_stop(reason, began=began, number=number)
    if number is not None:
        return reasons.of_signal(number)
    return reasons.of_exit_code(code or 0)


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
