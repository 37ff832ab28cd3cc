"""Log lines that clients hand in.

They are stored as those of pods are (`actions/log_shipments`): behind the size that the run's row says, and on the
disk before the transaction with the new size and the batch's number is committed. What a process that died in between
has left lies beyond that size, is taken away, and comes again with the client's next try.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from polyaxon import storage
from polyaxon.actions.log_shipments import add_posted, note_posted
from polyaxon.db.models import BuildJob, Experiment, Job
from polyaxon.errors import Refused
from polyaxon.stores.series import claim


def append_lines(run: Experiment | Job | BuildJob, lines: Sequence[str], *, batch: uuid.UUID | None = None) -> bool:
    """Add `lines` to the log of a run that the platform does not manage; False when `batch` was stored before.

    Raises `Refused` for a run that it manages.
    """
    if run.is_managed:
        raise Refused("The platform keeps the output of the runs that it starts; lines are taken for others only.")
    # Whoever sends the same at the same time waits here.
    with storage.logs().writing(run.sub_path) as log:
        row = note_posted(run, log)
        with transaction.atomic():
            # Lines that could not be stored may come again.
            if batch is not None and not claim(run.uuid, _of_logs(batch)):
                return False
            add_posted(row, log, lines)
    return True


def _of_logs(batch: uuid.UUID) -> uuid.UUID:
    """Another number than that of a batch of metrics, which may have the same one."""
    return uuid.uuid5(batch, "logs")
