"""Notebooks and tensorboards that nobody uses any more are stopped, where the option for it is set."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from polyaxon.actions.plugins import KINDS, idle_timeout
from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import lock
from polyaxon.db.models.plugins import Plugin
from polyaxon.lifecycles import tables as s


def stop_idle() -> None:
    """Use is a request that went through the proxy, or a WebSocket that is open; a kernel that computes is none."""
    now = timezone.now()
    for model in KINDS:
        running = model._default_manager.filter(is_managed=True, status=s.RUNNING, stop_requested_at=None)
        for row in running.select_related("project__owner"):
            timeout = idle_timeout(row)
            if timeout and row.heartbeat_at is not None and row.heartbeat_at < now - timedelta(seconds=timeout):
                _stop(row, f"Stopped, because nobody has used it for {_words(timeout)}.")


@transaction.atomic
def _stop(found: Plugin, reason: str) -> None:
    row = lock(found)
    assert isinstance(row, Plugin)
    if row.heartbeat_at != found.heartbeat_at or row.status != s.RUNNING:  # used at the last moment, or ended
        return
    row.definition = {**row.definition, "stop_reason": reason}
    row.save(update_fields=["definition", "updated_at"])
    request_stop(row, message=reason)


def _words(seconds: int) -> str:
    for size, word in ((3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return f"{seconds // size} {word}{'s' * (seconds != size)}"
    return f"{seconds} seconds"
