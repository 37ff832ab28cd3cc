"""Pods in the database, where every process finds them."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from polyaxon.db.lookups import listed
from polyaxon.db.models import PodState, PodWatch
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import execute, insertion, update
from polyaxon.pods.seen import PodPhase, SeenPod, Trouble, merge
from polyaxon.pods.store import PodStore, is_news, is_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

_FIELDS = [field.name for field in fields(SeenPod)]
_TEXTS = {
    field.name: field.max_length
    for field in PodState._meta.concrete_fields
    if isinstance(field, models.CharField | models.TextField)
}
_TRIES = 3
_CHANGING = [name for name in _FIELDS if name not in {"uid", "name", "run"}]
AT_ONCE = 200  # rows that are locked together; SQLite bounds the parameters of a query
FORGOTTEN_KEPT = timedelta(hours=1)
_KNOWN = partial(PodState.objects.filter, forgotten_at=None)
_OF_RUNS = Prepared(lambda runs: _KNOWN(run__among=runs).order_by("name", "uid"), runs=str)
_LOCKED = Prepared(lambda uids: PodState.objects.select_for_update().filter(uid__among=uids).order_by("uid"), uids=str)


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

    def put_all(self, pods: Sequence[SeenPod]) -> list[SeenPod]:
        """See `PodStore.put_all`. In one transaction, unless another process writes the same pods just now."""
        latest: dict[str, SeenPod] = {}
        for pod in pods:
            if is_run(pod.run):
                latest[pod.uid] = merge(latest[pod.uid], pod) if pod.uid in latest else pod
        found: list[SeenPod] = []
        for start in range(0, len(latest), AT_ONCE):
            part = [latest[uid] for uid in sorted(latest)[start : start + AT_ONCE]]
            found += self._put_part(part)
        return found

    def _put_part(self, pods: Sequence[SeenPod]) -> list[SeenPod]:
        for _ in range(_TRIES):
            try:
                return _put_all(pods)
            except IntegrityError:  # whoever makes pods, and whoever watches them, tell of them at the same moment
                continue
        return super().put_all(pods)

    def of_attempt(self, run: str, attempt: int) -> list[SeenPod]:
        """See `PodStore.of_attempt`."""
        return [_seen(row) for row in _KNOWN(run=run, attempt=attempt).order_by("name", "uid")]

    def of_attempts(self, attempts: Collection[tuple[str, int]]) -> dict[tuple[str, int], list[SeenPod]]:
        """See `PodStore.of_attempts`. With few queries."""
        found: dict[tuple[str, int], list[SeenPod]] = {key: [] for key in attempts}
        for row in _of_runs({run for run, _ in attempts}):
            if (key := (row.run.hex, row.attempt)) in found:
                found[key].append(_seen(row))
        return found

    def of_runs(self, runs: Collection[str]) -> dict[str, list[SeenPod]]:
        """See `PodStore.of_runs`."""
        found: dict[str, list[SeenPod]] = {}
        for row in _of_runs(runs):
            found.setdefault(row.run.hex, []).append(_seen(row))
        return found

    def present(self) -> list[SeenPod]:
        """See `PodStore.present`."""
        return [_seen(row) for row in _KNOWN(is_gone=False).order_by("name", "uid")]

    def forget(self, run: str) -> None:
        """See `PodStore.forget`."""
        self.forget_all([run])

    def forget_all(self, runs: Collection[str]) -> None:
        """See `PodStore.forget_all`."""
        now = timezone.now()
        PodState.objects.filter(forgotten_at__lt=now - FORGOTTEN_KEPT).delete()
        PodState.objects.filter(run__among=listed(runs), forgotten_at=None).update(forgotten_at=now)

    def mark_watched(self, namespace: str, at: datetime) -> None:
        """See `PodStore.mark_watched`."""
        if not PodWatch.objects.filter(namespace=namespace, alive_at__lte=at).update(alive_at=at):
            PodWatch.objects.get_or_create(namespace=namespace, defaults={"alive_at": at})

    def watched_at(self, namespace: str) -> datetime | None:
        """See `PodStore.watched_at`."""
        return PodWatch.objects.filter(namespace=namespace).values_list("alive_at", flat=True).first()


def _of_runs(runs: Collection[str]) -> Iterator[PodState]:
    known = sorted(runs)
    for start in range(0, len(known), AT_ONCE):
        yield from _OF_RUNS.all(runs=listed(known[start : start + AT_ONCE]))


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


@transaction.atomic
def _put_all(pods: Sequence[SeenPod]) -> list[SeenPod]:
    """Pods of different uids, sorted by them: two processes lock rows in one order."""
    rows = {row.uid: row for row in _LOCKED.all(uids=listed(pod.uid for pod in pods))}
    made, changed = [], []
    for pod in pods:
        row = rows.get(pod.uid)
        if row is None:
            made.append(pod)
        elif is_news(old := _seen(row), new := merge(old, pod)):
            changed.append(PodState(pk=row.pk, **_columns(new)))
    execute([*(insertion([PodState(**_columns(pod))]) for pod in made), *(update(row, _CHANGING) for row in changed)])
    news = {pod.uid for pod in made} | {row.uid for row in changed}
    return [pod for pod in pods if pod.uid in news]


def _columns(pod: SeenPod) -> dict[str, Any]:
    values = {name: getattr(pod, name) for name in _FIELDS}
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
