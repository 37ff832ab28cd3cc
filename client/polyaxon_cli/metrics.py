"""Metric points as tables: their history, a summary per metric, the spread over a group's trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyaxon_cli.output import Output

__all__ = ["print_history", "print_spread", "print_summary"]

Point = Mapping[str, Any]


def print_history(out: Output, points: Sequence[Point]) -> None:
    """One row per recorded point, one column per metric."""
    if not points:
        out.message("No metrics recorded.")
        return
    names = list({name: None for point in points for name in point.get("values") or {}})
    # Full time stamps: points of one minute would all have the same age.
    rows = [{**(point.get("values") or {}), "at": _stamp(point)} for point in points]
    out.rows(rows, ["at", *[name for name in names if name != "at"]], title="Metrics:")


def print_summary(out: Output, points: Sequence[Point]) -> None:
    """Last, lowest, highest value and number of points of each metric."""
    rows = [
        {"metric": name, "last": values[-1], **_range(values), "points": len(values)}
        for name, values in _series(points).items()
    ]
    out.rows(rows, ["metric", "last", "lowest", "highest", "points"], title="Metrics:")


def print_spread(out: Output, points: Sequence[Point]) -> None:
    """For each metric its range over the trials, and in which trial the ends were reached."""
    if not points:
        out.message("No metrics recorded.")
        return
    rows = [_spread_row(name, points) for name in _series(points)]
    columns = ["metric", "trials", "points", "lowest", "lowest_in", "highest", "highest_in"]
    out.rows(rows, columns, title="Metrics over all trials:")


def _spread_row(name: str, points: Sequence[Point]) -> dict[str, Any]:
    measured = [(value, point.get("experiment")) for point, value in _values(points, name)]
    finite = [(value, trial) for value, trial in measured if not math.isnan(value)]
    row: dict[str, Any] = {
        "metric": name,
        "points": len(measured),
        "trials": len({trial for _, trial in measured}),
    }
    if finite:
        low = min(finite, key=lambda pair: pair[0])
        high = max(finite, key=lambda pair: pair[0])
        row.update(lowest=low[0], lowest_in=low[1], highest=high[0], highest_in=high[1])
    return row


def _series(points: Sequence[Point]) -> dict[str, list[float]]:
    names = {name: None for point in points for name in point.get("values") or {}}
    series = {name: [value for _, value in _values(points, name)] for name in names}
    return {name: values for name, values in series.items() if values}


def _values(points: Sequence[Point], name: str) -> Iterator[tuple[Point, float]]:
    for point in points:
        value = _number((point.get("values") or {}).get(name))
        if value is not None:
            yield point, value


def _range(values: Sequence[float]) -> dict[str, float | None]:
    finite = [value for value in values if not math.isnan(value)]
    return {"lowest": min(finite, default=None), "highest": max(finite, default=None)}


def _number(value: Any) -> float | None:
    """A value as it travels: a number, or the name of one that JSON cannot write (`"NaN"`)."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _stamp(point: Point) -> str:
    return str(point.get("created_at") or "")[:23].replace("T", " ")
