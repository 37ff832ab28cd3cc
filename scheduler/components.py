"""Loops of the scheduler's room: `beat`, which says when periodic passes are due."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings

from polyaxon.components import Turn, loop
from polyaxon.queues import publisher
from scheduler.schedule import timetable


@loop("beat", "timetable")
def beat(turn: Turn) -> None:
    """Send each pass's message whenever it is due, by the monotonic clock; those that were missed are left out."""
    entries = timetable(settings.CONFIG)
    due = dict.fromkeys(entries, time.monotonic())
    while not turn.wait(max(0.0, min(due.values()) - time.monotonic())):
        now = time.monotonic()
        for name in [name for name, moment in due.items() if moment <= now]:
            _send(entries[name])
            due[name] = max(due[name] + float(entries[name]["schedule"]), now)


def _send(entry: dict[str, Any]) -> None:
    publisher.send(entry["task"], expires=entry["options"]["expires"])
