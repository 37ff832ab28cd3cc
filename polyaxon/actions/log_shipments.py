"""Logs of pods as they are stored: each line once, whatever is killed when.

Whoever writes holds the log itself, then the row that says how much of it counts. The lines are added behind that size
and on the disk before the row is committed, together with the positions up to which they were read. If the process dies
in between, the next one finds more in the log than the row says, takes it away, and reads the same lines again. A
position that is not what the writer began from means that another was faster, and the writer's lines are not stored.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from polyaxon import storage
from polyaxon.db.lookups import listed
from polyaxon.db.models import (
    BuildJob,
    Experiment,
    Job,
    LogShipment,
    LogStream,
    NotebookJob,
    TensorboardJob,
)
from polyaxon.db.models.abstract import Runnable
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import deletion, execute, update
from polyaxon.stores.logs import LogWriter

logger = logging.getLogger(__name__)

MODELS: dict[str, type[Runnable]] = {
    model._meta.object_name or "": model for model in (Experiment, Job, BuildJob, NotebookJob, TensorboardJob)
}
POSITION = ("lines", "since", "first", "taken", "last")
_OPEN = Prepared(lambda pk: LogShipment.objects.select_for_update().filter(pk=pk, done_at=None), pk=int)
_WITH_REASONS = Prepared(
    lambda shipment: LogStream.objects.filter(shipment=shipment).exclude(reason="").order_by("pk"), shipment=int
)


class ShipmentClosed(Exception):
    """The run's log is complete, or the run is gone."""


@dataclass(frozen=True, slots=True)
class Batch:
    """New lines of one stream, read from where it had `before` lines up to `position` (fields of `LogStream`)."""

    stream: int
    before: int
    position: Mapping[str, Any]
    lines: Sequence[str]
    replica: str = ""  # `worker.0`: of several, each has a log of its own as well


def open_shipment(run: Runnable, *, has_roles: bool = False) -> None:
    """Have the logs of the run's pods stored. Call it before there is a pod; repeating it changes nothing."""
    LogShipment.objects.get_or_create(run=run.uuid, defaults=_values(run) | {"has_roles": has_roles})


def open_shipments(runs: Sequence[Runnable]) -> None:
    """The same of many runs with one replica each."""
    LogShipment.objects.bulk_create([LogShipment(run=run.uuid, **_values(run)) for run in runs], ignore_conflicts=True)


def _values(run: Runnable) -> dict[str, Any]:
    return {"kind": type(run)._meta.object_name, "path": run.sub_path}  # type: ignore[attr-defined]


def store(shipment: LogShipment, batches: Sequence[Batch]) -> set[int]:
    """Add the lines to the log; returns the streams of which another process has stored some meanwhile.

    Raises `ShipmentClosed`, and whatever the store or the database raises; then nothing is stored.
    """
    with storage.logs().writing(shipment.path) as log, transaction.atomic():
        row = _locked(shipment)
        lines = dict(row.streams.filter(done_at=None).values_list("id", "lines"))
        current = [batch for batch in batches if lines.get(batch.stream) == batch.before]
        if current:
            size = log.rewrite(row.size, [line for batch in current for line in batch.lines])
            sizes = row.sizes | _store_apart(row, current)
            for batch in current:
                LogStream.objects.filter(pk=batch.stream).update(**batch.position)
            LogShipment.objects.filter(pk=row.pk).update(size=size, sizes=sizes)
    return {batch.stream for batch in batches} - {batch.stream for batch in current}


def _store_apart(row: LogShipment, batches: Iterable[Batch]) -> dict[str, int]:
    """The same lines in the logs of single replicas, which whoever holds the run's log may write; their new sizes."""
    lines: dict[str, list[str]] = {}
    for batch in batches:
        if batch.replica:
            lines.setdefault(batch.replica, []).extend(batch.lines)
    sizes = {}
    for replica, found in lines.items():
        with storage.logs().writing(f"{row.path}/{replica}") as log:
            sizes[replica] = log.rewrite(row.sizes.get(replica, 0), found)
    return sizes


def _locked(shipment: LogShipment) -> LogShipment:
    row = _OPEN.first(pk=shipment.pk)
    if row is None:
        raise ShipmentClosed(shipment.run.hex)
    return row


def note_posted(run: Experiment | Job | BuildJob, log: LogWriter) -> LogShipment:
    """The row of a log that is posted by clients, and has no pods to wait for. Call it before anything is written.

    Not in the transaction that writes: what that one leaves when it fails must not be taken for what was there before.
    """
    values = {
        "kind": type(run)._meta.object_name,
        "path": run.sub_path,
        "size": log.size(),
        "done_at": timezone.now(),
    }
    return LogShipment.objects.get_or_create(run=run.uuid, defaults=values)[0]


def add_posted(row: LogShipment, log: LogWriter, lines: Iterable[str]) -> None:
    """Add lines behind those that count; the transaction around it makes them count. `log` is the row's."""
    counted = LogShipment.objects.select_for_update().values_list("size", flat=True).get(pk=row.pk)
    LogShipment.objects.filter(pk=row.pk).update(size=log.rewrite(counted, lines))


def end_stream(stream: LogStream, reason: str = "") -> None:
    """Nothing more comes of it. `reason`: why something may be missing."""
    LogStream.objects.filter(pk=stream.pk, done_at=None).update(done_at=timezone.now(), reason=reason)


def close_shipment(shipment: LogShipment, reasons: Iterable[str] = ()) -> None:
    """The log is complete, but for what `reasons` say; closing it again changes nothing."""
    with storage.logs().writing(shipment.path) as log, transaction.atomic():
        row = _OPEN.first(pk=shipment.pk)
        if row is None:
            return
        told = [*(stream.reason for stream in _WITH_REASONS.all(shipment=row.pk)), *reasons]
        row.size = _adopted(row, log)
        row.reason = "; ".join(dict.fromkeys(told))
        row.done_at = timezone.now()
        execute([update(row, ["size", "reason", "done_at"]), deletion(LogStream, "shipment", row.pk)])
    if row.reason:
        logger.warning("The log of run %s may not be whole: %s", row.run.hex, row.reason)


def _adopted(row: LogShipment, log: LogWriter) -> int:
    """Lines that were written, never acknowledged, and could not be read again, count: they are the run's."""
    return max(row.size, log.size())


def is_settled(run: Runnable, patience: float) -> bool:
    """Whether nobody needs the pods of a finished run for its log any more; after `patience` seconds it is given up."""
    row = LogShipment.objects.filter(run=run.uuid, done_at=None).first()
    if row is None:
        return True
    if run.finished_at is None or timezone.now() - run.finished_at < timedelta(seconds=patience):
        return False
    close_shipment(row, [f"not all was stored within {patience:.0f} seconds of the end"])
    return True


def all_settled(runs: Sequence[Runnable]) -> list[Runnable]:
    """Those of the runs whose logs are complete, and nothing else need be asked."""
    still = LogShipment.objects.filter(run__among=listed(run.uuid for run in runs), done_at=None)
    unsettled = set(still.values_list("run", flat=True))
    return [run for run in runs if run.uuid not in unsettled]


def unfinished(paths: Collection[str]) -> set[str]:
    """Those of the logs, of runs or of their replicas, to which something may be added."""
    if not paths:
        return set()
    owners = {path: {path, path.rpartition("/")[0]} for path in paths}
    known = {owner for found in owners.values() for owner in found}
    still = set(LogShipment.objects.filter(path__in=known, done_at=None).values_list("path", flat=True))
    return {path for path, found in owners.items() if found & still}


def forget_shipment(run: Runnable) -> None:
    """Of a run that is deleted."""
    LogShipment.objects.filter(run=run.uuid).delete()
