"""Log lines that clients hand in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from polyaxon import storage
from polyaxon.db.models import BuildJob, Experiment, Job
from polyaxon.errors import Refused
from polyaxon.stores.series import claim


def append_lines(run: Experiment | Job | BuildJob, lines: Sequence[str], *, batch: uuid.UUID | None = None) -> bool:
    """Add `lines` to the log of a run that the platform does not manage; False when `batch` was stored before.

    Raises `Refused` for a run that it manages.
    """
    if run.is_managed:
        raise Refused("The platform keeps the output of the runs that it starts; lines are taken for others only.")
    with transaction.atomic():
        # Whoever sends the same at the same time waits here; lines that could not be stored may come again.
        if batch is not None and not claim(run.uuid, _of_logs(batch)):
            return False
        storage.logs().append(run.sub_path, lines)
    return True


def _of_logs(batch: uuid.UUID) -> uuid.UUID:
    """Another number than that of a batch of metrics, which may have the same one."""
    return uuid.uuid5(batch, "logs")
