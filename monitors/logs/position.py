"""Where the reading of a container's log goes on after it was broken off. Pure.

The API tells a log only from a whole second on, and only the file that the node has not rotated away. What it tells is
in the order of that file, and a file only grows. So the lines since a second S of which `taken` are stored are known by
that number, even where several have one time or times go back a little; and that it is the same file still, by the
exact time of the first of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitors.logs.lines import Line

LAG = 2  # seconds that lines may come late: two streams of a container are written to its log independently


@dataclass(frozen=True, slots=True)
class Position:
    """How much of a container's log is stored."""

    lines: int = 0  # in all
    since: int | None = None  # second to ask from; None: from the beginning
    first: str = ""  # stamp of the first line since then; empty: not known
    taken: int = 0  # lines since then that are stored
    last: str = ""  # stamp of the last one


@dataclass(slots=True)
class _Second:
    """Lines of one second that follow each other."""

    second: int
    first: str
    count: int = 0


class Cursor:
    """Goes through one answer of the API, asked for from `position.since` on."""

    def __init__(self, position: Position) -> None:
        self._lines = position.lines
        self._since = position.since
        self._last = position.last
        self._told = position
        self._skip = position.taken
        self._until = ""  # after a rotation: lines up to this stamp are stored
        self._seconds: deque[_Second] = deque()
        self._origin = position.first if position.since is None else ""
        self._newest = -1
        self._has_begun = False

    def take(self, line: Line) -> bool:
        """Whether the line is new. Call it for every line in turn."""
        if not self._has_begun and self._skip and self._told.first not in {"", line.stamp}:
            self._skip, self._until = 0, self._told.last  # the lines before were rotated away
        self._has_begun = True
        self._note(line)
        if self._skip:
            self._skip -= 1
            return False
        if self._until and _order(line.stamp) <= _order(self._until):
            return False
        self._until = ""
        self._lines += 1
        self._last = line.stamp
        return True

    @property
    def position(self) -> Position:
        """After the lines so far; where it began, while none of them was new."""
        if self._lines == self._told.lines:
            return self._told
        if self._since is not None and self._newest < self._since:  # the node's clock was set back
            return Position(self._lines, None, self._origin, self._lines, self._last)
        first = self._seconds[0].first
        return Position(self._lines, self._since, first, sum(each.count for each in self._seconds), self._last)

    def _note(self, line: Line) -> None:
        if self._since is None and not self._seconds:
            self._origin = line.stamp
        self._newest = line.second
        if self._since is not None and line.second < self._since:
            return  # not told when asked from there
        if not self._seconds or self._seconds[-1].second != line.second:
            self._seconds.append(_Second(line.second, line.stamp))
        self._seconds[-1].count += 1
        self._advance(line.second - LAG)

    def _advance(self, since: int) -> None:
        """Ask from a later second on, so that little is told twice."""
        if since <= (self._since if self._since is not None else self._seconds[0].second):
            return
        self._since = since
        self._seconds = deque(each for each in self._seconds if each.second >= since)


def _order(stamp: str) -> tuple[str, str]:
    """Stamps of one node in the order of time: all have its zone, and nine digits or as many as are not zero."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return whole, fraction
