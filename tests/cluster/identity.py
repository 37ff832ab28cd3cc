"""Processes named so that a stale note of one never ends a stranger."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

NOTE = 'echo "$$ $(cat /proc/sys/kernel/random/boot_id) $(cut -d" " -f22 /proc/$$/stat)"'
"""Shell: what `Identity.parse` reads, of the shell itself and so of whatever it becomes by `exec`."""


@dataclass(frozen=True)
class Identity:
    """A process: its number, and the boot and the clock tick at which it began."""

    pid: int
    boot: str
    tick: int

    @classmethod
    def of(cls, pid: int) -> Identity:
        """The process that has this number now; ProcessLookupError if there is none."""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return cls(pid, boot, int(_stat(pid)[19]))

    @classmethod
    def parse(cls, text: str) -> Identity | None:
        """A process from its note; None if the note is not whole."""
        match text.split():
            case [pid, boot, tick] if pid.isdigit() and tick.isdigit():
                return cls(int(pid), boot, int(tick))
        return None

    @classmethod
    def read(cls, note: Path) -> Identity | None:
        """A process from the file of its note."""
        return cls.parse(note.read_text()) if note.exists() else None

    def __str__(self) -> str:
        return f"{self.pid} {self.boot} {self.tick}"

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            return self == Identity.of(self.pid) and _stat(self.pid)[0] not in "ZX"
        except ProcessLookupError:
            return False

    def end(self, first: signal.Signals = signal.SIGTERM, grace: float = 10) -> None:
        """Signal it, wait `grace` seconds, then kill it; returns when it is gone. Nothing if it is not there."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # Looked at after the handle is ours: the number cannot go to another process any more.
            if self.is_alive():
                _end(handle, first, grace)
        finally:
            os.close(handle)


def _end(handle: int, first: signal.Signals, grace: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        for number, seconds in ((first, grace), (signal.SIGKILL, 30.0)):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], seconds)[0]:
                return


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the name before may hold anything)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
