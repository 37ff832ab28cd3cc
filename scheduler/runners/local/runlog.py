"""The run's log file: its output, cut into lines of bounded length with the time of each."""

# Part of the supervisor, which leaves out pathlib to start fast.
# ruff: noqa: PTH103, PTH120
from __future__ import annotations

import os
import time

MAX_LINE = 64 * 1024
CONTINUATION, LEAD_2, LEAD_3, LEAD_4 = 0x80, 0xC0, 0xE0, 0xF0  # first bytes of UTF-8 sequences
IDLE_FLUSH, LIVE_FLUSH = 1.0, 5.0  # seconds of silence, seconds without a written line


def character_boundary(data: bytes, limit: int) -> int:
    """The last position up to `limit` that does not cut a UTF-8 character."""
    for back in range(1, min(4, limit + 1)):
        byte = data[limit - back]
        if byte >= LEAD_2:
            needed = 2 + (byte >= LEAD_3) + (byte >= LEAD_4)
            return limit - back if needed > back else limit
        if byte < CONTINUATION:
            break
    return limit


def final_state(line: bytes) -> bytes:
    """What a terminal would show last: each carriage return starts the line anew (progress bars)."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


class LineSplitter:
    """Cuts a stream of bytes into lines of at most `MAX_LINE` bytes; keeps at most one unfinished line."""

    def __init__(self) -> None:
        self.pending = b""
        self._shown = False  # a part of the unfinished line was given out already

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the lines that they complete."""
        *lines, self.pending = (self.pending + data.replace(b"\0", b"")).split(b"\n")
        out: list[bytes] = []
        for line in lines:
            self._complete(final_state(line), out)
        if b"\r" in self.pending:
            # A last "\r" stays: it may be the first half of "\r\n".
            self.pending = final_state(self.pending) + (b"\r" if self.pending.endswith(b"\r") else b"")
        self.pending = self._pieces(self.pending, out)
        return out

    def flush(self, *, final: bool = False) -> list[bytes]:
        """Give the unfinished line; a character cut in its middle waits for its end unless `final`."""
        cut = len(self.pending) if final else character_boundary(self.pending, len(self.pending))
        text, self.pending = final_state(self.pending[:cut]), self.pending[cut:]
        if not text:
            return []
        self._shown = True
        return [text]

    def _complete(self, text: bytes, out: list[bytes]) -> None:
        rest = self._pieces(text, out)
        if rest or not self._shown:
            out.append(rest)
        self._shown = False

    def _pieces(self, text: bytes, out: list[bytes]) -> bytes:
        start = 0
        while len(text) - start > MAX_LINE:
            cut = start + character_boundary(text[start : start + MAX_LINE], MAX_LINE)
            out.append(text[start:cut])
            start, self._shown = cut, True
        return text[start:]


class RunLog:
    """The run's log file: `YYYY-MM-DD HH:MM:SS UTC -- text`, appended line by line as output comes."""

    def __init__(self, path: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        size = os.fstat(self._fd).st_size
        self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"
        self._lines = LineSplitter()
        self._lost = 0
        self._heard = self._written = time.monotonic()

    def feed(self, data: bytes) -> None:
        """Take output as it comes."""
        self._heard = time.monotonic()
        self._append(self._lines.feed(data))

    def tick(self) -> None:
        """Show an unfinished line that has been waiting: a prompt, or a progress bar."""
        now = time.monotonic()
        if self._lines.pending and (now - self._heard >= IDLE_FLUSH or now - self._written >= LIVE_FLUSH):
            self._append(self._lines.flush())

    def close(self) -> None:
        """Write what is left."""
        self._append(self._lines.flush(final=True))
        os.close(self._fd)

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        self._written = time.monotonic()
        if self._lost:
            lines = [b"[%d lines of output could not be stored]" % self._lost, *lines]
        stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC -- ", time.gmtime()).encode()
        batch = b"".join([stamp + line + b"\n" for line in lines])
        text = batch.decode("utf-8", "replace").encode()
        if self._write(b"\n" + text if self._torn else text):
            self._lost, self._torn = 0, False
        else:
            self._lost += len(lines) - bool(self._lost)

    def _write(self, text: bytes) -> bool:
        # A full disk must not end the run: lines are counted, and the gap is told once there is room again.
        written = 0
        try:
            while written < len(text):
                written += os.write(self._fd, text[written:])
        except OSError:
            self._torn = self._torn or written > 0
            return False
        return True
