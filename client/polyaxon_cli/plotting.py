"""Line charts of text: every character holds 2 x 4 dots of the Unicode block of Braille patterns.

Drawn by hand because the library for it, plotext, changes its whole interface from release 5 to 6, takes 0.3 s to
import, and of release 5.3 breaks on values such as 1e308 and draws no axis around those such as 1e-300.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from polyaxon_cli.output import number

__all__ = ["STYLES", "Canvas", "Curve", "chart"]

DOTS_ACROSS, DOTS_DOWN = 2, 4
BLANK = 0x2800
# Bit of the dot in column 0 or 1 from the top row down, as Unicode numbers them.
BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
STYLES = ("cyan", "magenta", "yellow", "green", "red", "blue")
SMALLEST = 10


@dataclass(frozen=True)
class Curve:
    """Points (x, y) in order of x; those that are not finite leave a gap."""

    label: str
    points: Sequence[tuple[float, float]]

    @property
    def finite(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [point for point in self.points if math.isfinite(point[0]) and math.isfinite(point[1])]


class Canvas:
    """Dots that belong to curves; where two curves share a character it takes the style of the later one."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._bits = [[0] * width for _ in range(height)]
        self._owners: list[list[int | None]] = [[None] * width for _ in range(height)]

    def dot(self, x: int, y: int, owner: int) -> None:
        """Set the dot in column `x` from the left and row `y` from the bottom."""
        row = self.height - 1 - y // DOTS_DOWN
        column = x // DOTS_ACROSS
        self._bits[row][column] |= BITS[x % DOTS_ACROSS][DOTS_DOWN - 1 - y % DOTS_DOWN]
        self._owners[row][column] = owner

    def line(self, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
        """Set the dots between two, both included."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            share = step / steps
            x = round(start[0] + (end[0] - start[0]) * share)
            y = round(start[1] + (end[1] - start[1]) * share)
            self.dot(x, y, owner)

    def rows(self) -> list[list[tuple[str, int | None]]]:
        """Each row from the top, as characters with the number of their curve; blanks belong to none."""
        return [
            [(chr(BLANK + bits) if bits else " ", owner) for bits, owner in zip(line, owners)]
            for line, owners in zip(self._bits, self._owners)
        ]


@dataclass(frozen=True)
class Chart:
    """A drawn chart: rows of characters with their curves, the labels left of them, and the line below."""

    rows: list[list[tuple[str, int | None]]]
    labels: list[str]
    axis: str
    curves: Sequence[Curve]


def chart(curves: Sequence[Curve], *, width: int, height: int) -> Chart | None:
    """Draw the curves into `width` x `height` characters, labels included; None when no point is finite."""
    points = [point for curve in curves for point in curve.finite]
    if not points:
        return None
    across, down = _range(x for x, _ in points), _range(y for _, y in points)
    ticks = [number(down[1]), number((down[0] + down[1]) / 2), number(down[0])]
    margin = max(len(tick) for tick in ticks) + 2
    canvas = Canvas(max(width - margin, SMALLEST), max(height - 2, 3))
    for index, curve in enumerate(curves):
        _draw(canvas, curve, index, across, down)
    labels = [""] * canvas.height
    labels[0], labels[canvas.height // 2], labels[-1] = ticks
    rows = canvas.rows()
    left, right = number(across[0]), number(across[1])
    axis = " " * margin + left + right.rjust(canvas.width - len(left))
    return Chart(rows, [label.rjust(margin - 2) for label in labels], axis, curves)


def _draw(canvas: Canvas, curve: Curve, index: int, across: tuple[float, float], down: tuple[float, float]) -> None:
    last: tuple[int, int] | None = None
    for x, y in curve.points:
        if not (math.isfinite(x) and math.isfinite(y)):
            last = None
            continue
        here = (
            _scaled(x, across, canvas.width * DOTS_ACROSS - 1),
            _scaled(y, down, canvas.height * DOTS_DOWN - 1),
        )
        canvas.line(last or here, here, index)
        last = here


def _scaled(value: float, span: tuple[float, float], most: int) -> int:
    """Where `value` lies in the span, from 0 to `most`."""
    low, high = span
    # Halves first: the difference of two large numbers may be beyond what a float holds.
    size = high / 2 - low / 2
    return round((value / 2 - low / 2) / size * most) if size else most // 2


def _range(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)
