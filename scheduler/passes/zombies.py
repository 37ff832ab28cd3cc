"""Unmanaged runs whose client fell silent. Managed ones are observed, not guessed at."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from polyaxon import options
from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models.abstract import Runnable
from polyaxon.lifecycles import tables as s
from scheduler.passes import queue

# After the server was down, or the machine asleep, or its clock set, a living client must have its chance to beat.
CONFIRMED_AFTER = 150.0  # seconds: more than two beats

_Sign = tuple[str, int]
_silent: dict[_Sign, tuple[datetime, float]] = {}


def end_zombies() -> None:
    """Fail runs that have been silent for the time that the settings allow, and were so while we listened."""
    timeout = options.value("TTL:HEARTBEAT")
    limit = timezone.now() - timedelta(seconds=timeout)
    found: dict[_Sign, tuple[datetime, float]] = {}
    for model in queue.KINDS:
        for run in model.objects.filter(is_managed=False, status=s.RUNNING, heartbeat_at__lt=limit):
            sign, beat = (model.__name__, run.pk), run.heartbeat_at
            assert beat is not None
            known = _silent.get(sign)
            found[sign] = known if known is not None and known[0] == beat else (beat, time.monotonic())
            if time.monotonic() - found[sign][1] >= min(timeout, CONFIRMED_AFTER):
                _fail(run, beat)
    _silent.clear()
    _silent.update(found)


@transaction.atomic
def _fail(run: Runnable, beat: datetime) -> None:
    row = lock(run)
    assert isinstance(row, Runnable)
    if row.heartbeat_at == beat:  # else it beat at the last moment
        set_status(run, s.FAILED, message=f"No heartbeat since {beat:%Y-%m-%d %H:%M:%S %Z}.")
