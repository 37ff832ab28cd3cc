"""From the bytes of the API's log stream to lines, and from lines to what is stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from polyaxon.stores.logs import format_line
from scheduler.runners.local.runlog import MAX_LINE, character_boundary, final_state

LONGEST = 16 * 1024 * 1024  # bytes of a line that are kept in memory until its end
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d) ")

_NO_LOG = b"unable to retrieve container logs"  # what a node says instead of a log that it has not any more


class Line(NamedTuple):
    """A line and the time that its node gave it: whole seconds since 1970, and the text as the API tells it."""

    second: int
    stamp: str
    text: bytes


class LineReader:
    """Cuts one answer of the API into lines. A line that a container has not ended yet is not given out."""

    def __init__(self, *, is_resumed: bool = False) -> None:
        """`is_resumed`: it was asked for from a time on, so it may begin with the rest of a line from before."""
        self._parts: list[bytes] = []
        self._length = 0
        self._cut = 0
        self._may_be_rest = is_resumed

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes; give the lines that they complete. Raises ValueError for what has no time."""
        *ends, rest = data.split(b"\n")
        found = []
        for end in ends:
            self._add(end)
            line = self._line()
            found += [line] if line else []
        self._add(rest)
        return found

    def flush(self) -> list[Line]:
        """The line that the answer ends with, if it has no end of its own."""
        line = self._line() if self._length else None
        return [line] if line else []

    def _add(self, part: bytes) -> None:
        kept = part[: max(LONGEST - self._length, 0)]
        self._cut += len(part) - len(kept)
        self._length += len(kept)
        self._parts.append(kept)

    def _line(self) -> Line | None:
        whole, cut = b"".join(self._parts), self._cut
        self._parts, self._length, self._cut = [], 0, 0
        may_be_rest, self._may_be_rest = self._may_be_rest, False
        found = _STAMP.match(whole)
        if found is None:
            if may_be_rest and not whole.startswith(_NO_LOG):
                return None
            raise ValueError(whole[:300].decode("utf-8", "replace"))
        text = whole[found.end() :]
        if cut:
            text += b" [%d bytes of this line are left out]" % cut
        return Line(_second(found), found.group().decode().rstrip(), text)


def _second(found: re.Match[bytes]) -> int:
    zone = found[3].decode().replace("Z", "+00:00")
    return int(datetime.fromisoformat(found[1].decode() + zone).timestamp())


def stored(line: Line, role: str) -> Iterator[str]:
    """The line as the log store has it: text, of a progress bar what it showed last, in parts of bounded length."""
    when = datetime.fromtimestamp(line.second, UTC)
    for part in _parts(final_state(line.text.replace(b"\0", b""))):
        yield format_line(part.decode("utf-8", "replace"), when, role or None)


def _parts(text: bytes) -> Iterator[bytes]:
    while len(text) > MAX_LINE:
        cut = character_boundary(text[:MAX_LINE], MAX_LINE)
        yield text[:cut]
        text = text[cut:]
    yield text
