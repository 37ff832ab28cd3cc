"""Commands in a pseudo-terminal, as somebody sees them who types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

TOOL = (sys.executable, "-m", "polyaxon_cli")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LINES, COLUMNS = 40, 200


class Somebody(Protocol):
    """Whose terminal it is: their folder, and what their shell exports."""

    work: Path

    @property
    def environment(self) -> dict[str, str]: ...


def plain(text: str) -> str:
    """Without colours, movements of the cursor and carriage returns."""
    return CONTROL.sub("", text).replace("\r", "")


class Seen(NamedTuple):
    """The exit code, and everything that was written to the terminal, with its colours."""

    code: int
    text: str


class Session:
    """One command in a terminal of its own; also its controlling one, so that Ctrl-C is a key."""

    def __init__(
        self, person: Somebody, *arguments: str, cwd: Path | None = None, program: Sequence[str] = TOOL
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        hidden = ("NO_COLOR", "COLUMNS", "TERM")
        environment = {key: value for key, value in person.environment.items() if key not in hidden}
        self.process = subprocess.Popen(
            [*program, *arguments],
            cwd=cwd or person.work,
            env={**environment, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  no thread of ours holds a lock
        )
        os.close(slave)
        self.text = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read_until(self, words: str, seconds: float = 60.0) -> str:
        """Everything so far, once it holds the words."""
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < deadline, f"{words!r} did not come:\n{self.text}"
            if not self._read(0.1) and self.process.poll() is not None and not self._read(0.1):
                raise AssertionError(f"ended with {self.process.returncode} before {words!r}:\n{self.text}")
        return self.text

    def end(self, seconds: float = 60.0) -> Seen:
        """What the command wrote until its end."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None or self._read(0.0):
            if not self._read(0.05) and time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"did not end:\n{self.text}")
        self.process.wait()
        os.close(self._master)
        assert "Traceback" not in self.text
        return Seen(self.process.returncode, self.text)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # the last process that had it open has ended
            return False
        self.text += piece.decode("utf-8", "replace")
        return bool(piece)


def seen(person: Somebody, *arguments: str, keys: str = "", cwd: Path | None = None) -> Seen:
    """Run `polyaxon ARGUMENTS` in a terminal, with these keys typed ahead."""
    session = Session(person, *arguments, cwd=cwd)
    if keys:
        session.type(keys)
    return session.end()
