"""Pods in the database, where every process finds them."""

from __future__ import annotations

import uuid
from dataclasses import asdict, fields
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from polyaxon.db.models import PodState, PodWatch
from polyaxon.pods.seen import PodPhase, SeenPod, Trouble, merge
from polyaxon.pods.store import PodStore, is_news, is_run

if TYPE_CHECKING:
    from datetime import datetime

_FIELDS = [field.name for field in fields(SeenPod)]
_TEXTS = {
    field.name: field.max_length
    for field in PodState._meta.concrete_fields
    if isinstance(field, models.CharField | models.TextField)
}
_TRIES = 3
FORGOTTEN_KEPT = timedelta(hours=1)
_KNOWN = partial(PodState.objects.filter, forgotten_at=None)


class DatabasePodStore(PodStore):
    """Rows of `PodState`."""

    def put(self, pod: SeenPod) -> bool:
        """See `PodStore.put`."""
        if not is_run(pod.run):
            return False
        for _ in range(_TRIES):
            try:
                return _put(pod)
            except IntegrityError:  # another process made the row this very moment
                continue
        return _put(pod)

    def of_attempt(self, run: str, attempt: int) -> list[SeenPod]:
        """See `PodStore.of_attempt`."""
        return [_seen(row) for row in _KNOWN(run=run, attempt=attempt).order_by("name", "uid")]

    def present(self) -> list[SeenPod]:
        """See `PodStore.present`."""
        return [_seen(row) for row in _KNOWN(is_gone=False).order_by("name", "uid")]

    def forget(self, run: str) -> None:
        """See `PodStore.forget`."""
        now = timezone.now()
        PodState.objects.filter(forgotten_at__lt=now - FORGOTTEN_KEPT).delete()
        PodState.objects.filter(run=run, forgotten_at=None).update(forgotten_at=now)

    def mark_watched(self, namespace: str, at: datetime) -> None:
        """See `PodStore.mark_watched`."""
        if not PodWatch.objects.filter(namespace=namespace, alive_at__lte=at).update(alive_at=at):
            PodWatch.objects.get_or_create(namespace=namespace, defaults={"alive_at": at})

    def watched_at(self, namespace: str) -> datetime | None:
        """See `PodStore.watched_at`."""
        return PodWatch.objects.filter(namespace=namespace).values_list("alive_at", flat=True).first()


@transaction.atomic
def _put(pod: SeenPod) -> bool:
    row = PodState.objects.select_for_update().filter(uid=pod.uid).first()
    if row is None:
        PodState.objects.create(**_columns(pod))
        return True
    old = _seen(row)
    new = merge(old, pod)
    if not is_news(old, new):
        return False
    PodState.objects.filter(pk=row.pk).update(**_columns(new))
    return True


def _columns(pod: SeenPod) -> dict[str, Any]:
    values = asdict(pod)
    for name, length in _TEXTS.items():
        if values[name] is not None:
            values[name] = values[name].replace("\0", "")[:length]
    return values | {"run": uuid.UUID(pod.run)}


def _seen(row: PodState) -> SeenPod:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["run"] = row.run.hex
    values["phase"] = PodPhase(row.phase)
    values["trouble"] = Trouble(row.trouble) if row.trouble else None
    return SeenPod(**values)
