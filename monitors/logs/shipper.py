"""Has the logs of all pods followed and stored. Any number of processes may do so: each run's log is one's at a time.

A process takes open shipments for a while (`LEASE`), which it renews; those of one that died are free after that. If
two have the same one after all, `log_shipments.store` lets each line be stored by one of them only.
"""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from monitors.logs import lines
from monitors.logs.follower import End, Follower, Taken, Target
from monitors.logs.position import Position
from monitors.logs.source import MAIN, LogSource
from polyaxon.actions import log_shipments
from polyaxon.actions.log_shipments import Batch, ShipmentClosed
from polyaxon.db.models import LogShipment, LogStream, PodState
from polyaxon.db.prepared import Prepared
from polyaxon.pods import labels
from polyaxon.pods.seen import PodPhase

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE = timedelta(seconds=15)
LOOK_AGAIN = 30.0  # seconds after which a run is looked at anew of which there seems to be nothing to do
AT_ONCE = 500  # SQLite bounds the parameters of a query
# What is worth reading of a container of ours: why it failed.
_HELPERS = {"NotPrepared": labels.INIT_CONTAINER, "OutputsNotStored": labels.SIDECAR_CONTAINER}


def _beginning(owner: str) -> QuerySet[LogShipment]:
    """Shipments of one process with a pod of which `_containers` names some, and nothing is read yet."""
    known = LogStream.objects.filter(shipment=OuterRef(OuterRef("pk")), uid=OuterRef("uid"))
    begun = Q(started_at__isnull=False) | Q(phase=PodPhase.RUNNING) | Q(exit_code__isnull=False)
    begun |= Q(reason__in=list(_HELPERS))
    pods = PodState.objects.filter(begun, ~Exists(known), run=OuterRef("run"), forgotten_at=None)
    return LogShipment.objects.filter(Exists(pods), owner=owner, done_at=None)


_BEGINNING: Prepared[LogShipment] = Prepared(_beginning, owner=str)


def _over(kind: str) -> Prepared[LogShipment]:
    """Shipments of one process whose runs, of that kind, have ended or are gone."""
    model = log_shipments.MODELS[kind]
    under_way = model._base_manager.filter(uuid=OuterRef("run")).exclude(status__in=sorted(model.LIFECYCLE.done))
    return Prepared(
        lambda owner: LogShipment.objects.filter(~Exists(under_way), kind=kind, owner=owner, done_at=None), owner=str
    )


_OVER = {kind: _over(kind) for kind in log_shipments.MODELS}


class LogShipper:
    """One process's part of the work: call `run_once` again and again, and `stop` in the end."""

    def __init__(
        self,
        source: LogSource,
        *,
        streams: int = 500,
        patience: float = 600.0,
        owns: Callable[[UUID], bool] = lambda _run: True,
    ) -> None:
        """`owns`: which runs it may take, where runs are divided among several; asked when one is free."""
        self.name = f"{socket.gethostname()[:40]}-{secrets.token_hex(8)}"
        self._source = source
        self._streams = streams
        self._patience = timedelta(seconds=patience)
        self._owns = owns
        self._followers: dict[int, Follower] = {}  # by stream
        self._owned: dict[int, LogShipment] = {}
        # Open ones of each shipment; without one it is to be looked at again.
        self._streams_of: dict[int, set[int]] = {}
        self._looked_at = 0.0

    def run_once(self) -> int:
        """Look for what is to be followed, store what has come; returns how many lines."""
        due = self._due(self._claim())
        pods = _pods(due)
        streams = _begun(due, pods)
        self._streams_of |= {each.pk: _open(streams.get(each.pk, ())) for each in due}
        self._drop(set().union(*self._streams_of.values()))
        ended = _ended(due)
        stored = 0
        for shipment in due:
            present = self._look(streams.get(shipment.pk, []))
            stored += self._store(shipment, present)
            self._close(shipment, pods.get(shipment.run, []), ended.get(shipment.run, False))
        return stored

    def stop(self) -> None:
        """Have the threads end soon, and leave the runs to whoever comes next."""
        self._drop(set())
        LogShipment.objects.filter(owner=self.name, done_at=None).update(owner="", owned_until=None)

    # -- whose --

    def _claim(self) -> list[LogShipment]:
        now = timezone.now()
        mine = LogShipment.objects.filter(done_at=None, owner=self.name)
        room = min(self._streams - len(self._followers), AT_ONCE)
        if room > 0:
            free = Q(owned_until=None) | Q(owned_until__lt=now)
            rows = LogShipment.objects.filter(free, done_at=None)
            if keys := [pk for pk, run in rows.order_by("id").values_list("id", "run") if self._owns(run)]:
                # Asked again, because another process may have been faster.
                rows.filter(pk__in=keys[:room]).update(owner=self.name, owned_until=now + LEASE)
        held = dict(mine.order_by("id").values_list("id", "owned_until"))
        if any(until is None or until < now + LEASE / 2 for until in held.values()):
            mine.update(owned_until=now + LEASE)
        return self._mine(list(held))

    def _mine(self, keys: Sequence[int]) -> list[LogShipment]:
        """The shipments of these numbers; what is needed of one never changes, so it is read once."""
        self._owned = {key: self._owned[key] for key in keys if key in self._owned}
        for part in _parts([key for key in keys if key not in self._owned]):
            self._owned |= LogShipment.objects.in_bulk(part)
        self._streams_of = {key: found for key, found in self._streams_of.items() if key in self._owned}
        return [self._owned[key] for key in keys if key in self._owned]

    def _due(self, owned: list[LogShipment]) -> list[LogShipment]:
        """Those that are to be looked at: all now and then, in between those of which something is new."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AGAIN:
            self._looked_at = now
            return owned
        new = {row.pk for row in _BEGINNING.all(owner=self.name)}
        for kind in {each.kind for each in owned}:
            new |= {row.pk for row in _OVER[kind].all(owner=self.name)}
        new |= {each.pk for each in owned if each.pk not in self._streams_of or self._has_news(each)}
        new |= self._next_to_follow(owned)
        return [each for each in owned if each.pk in new]

    def _has_news(self, shipment: LogShipment) -> bool:
        followed = (self._followers.get(key) for key in self._streams_of[shipment.pk])
        return any(each is not None and each.has_news for each in followed)

    def _next_to_follow(self, owned: Sequence[LogShipment]) -> set[int]:
        """As many as there is room for of those with streams that nobody follows."""
        room = self._streams - len(self._followers)
        if room <= 0:
            return set()
        waiting = (each.pk for each in owned if not self._streams_of.get(each.pk, set()) <= self._followers.keys())
        return set(islice(waiting, room))

    def _drop(self, kept: set[int]) -> None:
        for key in set(self._followers) - kept:
            self._followers.pop(key).stop()

    # -- what --

    def _look(self, streams: list[LogStream]) -> list[LogStream]:
        """Follow what is not followed yet of a shipment's streams."""
        for stream in streams:
            is_followed = stream.pk in self._followers or stream.done_at is not None
            if not is_followed and len(self._followers) < self._streams:
                self._follow(stream)
        return streams

    def _follow(self, stream: LogStream) -> None:
        position = Position(**{name: getattr(stream, name) for name in log_shipments.POSITION})
        target = Target(stream.pk, stream.pod, stream.uid, stream.container, stream.restart)
        self._followers[stream.pk] = follower = Follower(self._source, target, position)
        follower.start()

    # -- store --

    def _store(self, shipment: LogShipment, streams: Iterable[LogStream]) -> int:
        followed = [(stream, self._followers[stream.pk]) for stream in streams if stream.pk in self._followers]
        drained = [(stream, *follower.drain()) for stream, follower in followed]
        refused = _try(shipment, [_batch(shipment, stream, taken) for stream, taken, _ in drained if taken is not None])
        stored = 0
        for stream, taken, end in drained:
            if taken is not None and stream.pk in refused:  # it is read again from where it is stored
                self._followers.pop(stream.pk).stop()
                continue
            stored += taken.position.lines - taken.before if taken is not None else 0
            if end is not None:
                self._end(shipment, stream, end)
        return stored

    def _end(self, shipment: LogShipment, stream: LogStream, end: End) -> None:
        self._followers.pop(stream.pk).stop()
        self._streams_of.get(shipment.pk, set()).discard(stream.pk)
        if end.restarts > stream.restart:  # the container has been started again, which is a log of its own
            self._streams_of.pop(shipment.pk, None)
            again = {"pod": stream.pod, "role": stream.role}
            place = {"uid": stream.uid, "container": stream.container, "restart": end.restarts}
            LogStream.objects.get_or_create(shipment=shipment, **place, defaults=again)
        log_shipments.end_stream(stream, end.reason)

    # -- end --

    def _close(self, shipment: LogShipment, pods: Sequence[PodState], ended: timedelta | bool) -> None:
        """Once the run and its pods have ended and everything is stored, or cannot be."""
        if ended is False:
            return
        is_late = ended is True or ended > self._patience
        is_open = self._streams_of.get(shipment.pk) != set()
        pods_live = any(not (pod.is_over or pod.is_gone) for pod in pods)
        if (is_open or pods_live) and not is_late:
            return
        late = [f"not all was stored within {self._patience.total_seconds():.0f} seconds of the end"] if is_open else []
        log_shipments.close_shipment(shipment, late)


def _open(streams: Iterable[LogStream]) -> set[int]:
    return {each.pk for each in streams if each.done_at is None}


def _containers(pod: PodState) -> list[str]:
    """Whose logs are worth storing, once there is something in them."""
    helper = _HELPERS.get(pod.reason or "")
    has_begun = pod.started_at is not None or pod.phase == PodPhase.RUNNING or pod.exit_code is not None
    return [*([MAIN] if has_begun else []), *([helper] if helper else [])]


def _begun(shipments: Sequence[LogShipment], pods: Mapping[UUID, Sequence[PodState]]) -> Mapping[int, list[LogStream]]:
    """The streams of each shipment, those included that begin now."""
    known = _streams(shipments)
    new = [
        _new(shipment, pod, name)
        for shipment in shipments
        for pod in pods.get(shipment.run, ())
        for name in _containers(pod)
        if all((pod.uid, name) != (stream.uid, stream.container) for stream in known.get(shipment.pk, ()))
    ]
    if not new:
        return known
    LogStream.objects.bulk_create(new, ignore_conflicts=True)  # another process may just have begun the same
    begun = {stream.shipment_id for stream in new}
    return {**known, **_streams([each for each in shipments if each.pk in begun])}


def _new(shipment: LogShipment, pod: PodState, container: str) -> LogStream:
    role = f"{pod.role}.{pod.index}" if shipment.has_roles else ""
    if container != MAIN:
        role = f"{role}.{container}".lstrip(".")
    return LogStream(shipment=shipment, uid=pod.uid, container=container, restart=0, pod=pod.name, role=role)


def _try(shipment: LogShipment, batches: Sequence[Batch]) -> set[int]:
    """The streams whose lines could not be stored."""
    try:
        return log_shipments.store(shipment, batches) if batches else set()
    except ShipmentClosed:
        pass
    except (OSError, AnyDatabaseError) as error:
        logger.warning("The log of run %s is stored later: %s", shipment.run.hex, str(error).strip())
    return {batch.stream for batch in batches}


def _batch(shipment: LogShipment, stream: LogStream, taken: Taken) -> Batch:
    texts = [text for line in taken.lines for text in lines.stored(line, stream.role)]
    replica = ".".join(stream.role.split(".")[:2]) if shipment.has_roles else ""
    return Batch(stream.pk, taken.before, asdict(taken.position), texts, replica)


def _pods(shipments: Sequence[LogShipment]) -> dict[UUID, list[PodState]]:
    found = defaultdict(list)
    for part in _parts([each.run for each in shipments]):
        for pod in PodState.objects.filter(run__in=part, forgotten_at=None).order_by("attempt", "id"):
            found[pod.run].append(pod)
    return found


def _streams(shipments: Sequence[LogShipment]) -> dict[int, list[LogStream]]:
    found = defaultdict(list)
    for part in _parts([each.pk for each in shipments]):
        for stream in LogStream.objects.filter(shipment__in=part).order_by("id"):
            found[stream.shipment_id].append(stream)
    return found


def _ended(shipments: Sequence[LogShipment]) -> Mapping[UUID, timedelta | bool]:
    """How long ago the runs ended that have; True for those that are gone, and nothing for those that go on."""
    now = timezone.now()
    found: dict[UUID, timedelta | bool] = {}
    for kind, model in log_shipments.MODELS.items():
        runs = {each.run for each in shipments if each.kind == kind}
        for part in _parts(sorted(runs)):
            rows = model._base_manager.filter(uuid__in=part).values_list("uuid", "status", "finished_at")
            gone = set(part)
            for uuid, status, finished in rows:
                gone.discard(uuid)
                if status in model.LIFECYCLE.done:
                    found[uuid] = now - (finished or now)
            found.update(dict.fromkeys(gone, True))
    return found


def _parts(keys: Sequence[T]) -> Iterable[Sequence[T]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


def configured_shipper(owns: Callable[[UUID], bool] = lambda _run: True) -> LogShipper:
    """The shipper that the configuration describes. Raises `RunnerError` while there is no access to the cluster."""
    # The client library takes a second to import, which servers without a cluster need not wait.
    from scheduler.runners.kubernetes.api import connect  # noqa: PLC0415

    config = settings.CONFIG.kubernetes
    source = LogSource(connect(config.k8s_kubeconfig, config.k8s_context), config.k8s_namespace)
    return LogShipper(source, streams=config.k8s_logs_streams, patience=config.k8s_logs_patience, owns=owns)
