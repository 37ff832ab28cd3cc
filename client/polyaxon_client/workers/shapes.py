"""Points as the server takes them: column by column, or row by row for servers of 0.6."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from polyaxon_client.workers.lanes import Point
from polyaxon_client.workers.values import json_safe, to_json

Columns = dict[str, tuple[list[Any], list[Any], list[float]]]
"""Values, steps and times by name. Lists that are the same object are written once."""


def columns_body(points: Sequence[Point]) -> bytes | None:
    """``{"series": [{name, values, steps, times}, ...]}``; ``None`` when that cannot say it.

    A series must have a step with each of its points or with none.
    """
    columns = _alike(points) or _columns(points)
    written: dict[int, str] = {}
    parts = []
    for name, (values, steps, times) in columns.items():
        has_steps = None not in steps
        if not has_steps and any(step is not None for step in steps):
            return None
        text = f'{{"name":{_text(name)},"values":{_text(values)},"times":{_once(written, times)}'
        parts.append(f'{text},"steps":{_once(written, steps)}}}' if has_steps else text + "}")
    return f'{{"series":[{",".join(parts)}]}}'.encode("utf-8", errors="replace")


def rows_body(points: Sequence[Point]) -> bytes:
    """``[{values, created_at[, step]}, ...]``, the shape of 0.6."""
    return to_json([_row(*point) for point in points])


def _row(moment: float, step: int | None, values: dict[str, Any]) -> dict[str, Any]:
    time = datetime.fromtimestamp(moment, timezone.utc).isoformat(sep=" ", timespec="microseconds")
    row: dict[str, Any] = {"values": values, "created_at": time}
    return row if step is None else {**row, "step": step}


def _alike(points: Sequence[Point]) -> Columns | None:
    """The columns when all points have the same names, as those of a training loop have."""
    names = points[0][2].keys()
    if any(values.keys() != names for _, _, values in points):
        return None
    times = [moment for moment, _, _ in points]
    steps = [step for _, step, _ in points]
    return {name: ([values[name] for _, _, values in points], steps, times) for name in names}


def _columns(points: Sequence[Point]) -> Columns:
    columns: Columns = {}
    for moment, step, values in points:
        for name, value in values.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = ([], [], [])
            column[0].append(value)
            column[1].append(step)
            column[2].append(moment)
    return columns


def _once(written: dict[int, str], numbers: list[Any]) -> str:
    text = written.get(id(numbers))
    if text is None:
        text = written[id(numbers)] = _text(numbers)
    return text


def _text(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(json_safe(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
