"""Has the logs of all pods followed and stored. Any number of processes may do so: each run's log is one's at a time.

A process takes open shipments for a while (`LEASE`), which it renews; those of one that died are free after that. If
two have the same one after all, `log_shipments.store` lets each line be stored by one of them only.
"""

from __future__ import annotations

import logging
import secrets
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db.models import Q
from django.utils import timezone

from monitors.logs import lines
from monitors.logs.follower import End, Follower, Taken, Target
from monitors.logs.position import Position
from monitors.logs.source import MAIN, LogSource
from polyaxon.actions import log_shipments
from polyaxon.actions.log_shipments import Batch, ShipmentClosed
from polyaxon.db.models import LogShipment, LogStream, PodState
from polyaxon.pods import labels
from polyaxon.pods.seen import PodPhase

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE = timedelta(seconds=15)
AT_ONCE = 500  # SQLite bounds the parameters of a query
# What is worth reading of a container of ours: why it failed.
_HELPERS = {"NotPrepared": labels.INIT_CONTAINER, "OutputsNotStored": labels.SIDECAR_CONTAINER}


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
        self._followers: dict[int, Follower] = {}

    def run_once(self) -> int:
        """Look for what is to be followed, store what has come; returns how many lines."""
        owned = self._claim()
        pods, streams = _pods(owned), _streams(owned)
        self._drop({stream.pk for found in streams.values() for stream in found})
        ended = _ended(owned)
        stored = 0
        for shipment in owned:
            present = self._look(shipment, pods.get(shipment.run, []), streams.get(shipment.pk, []))
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
        mine.filter(owned_until__lt=now + LEASE / 2).update(owned_until=now + LEASE)
        room = min(self._streams - len(self._followers), AT_ONCE)
        if room > 0:
            free = Q(owned_until=None) | Q(owned_until__lt=now)
            rows = LogShipment.objects.filter(free, done_at=None)
            if keys := [pk for pk, run in rows.order_by("id").values_list("id", "run") if self._owns(run)]:
                # Asked again, because another process may have been faster.
                rows.filter(pk__in=keys[:room]).update(owner=self.name, owned_until=now + LEASE)
        return list(mine.order_by("id"))

    def _drop(self, kept: set[int]) -> None:
        for key in set(self._followers) - kept:
            self._followers.pop(key).stop()

    # -- what --

    def _look(self, shipment: LogShipment, pods: Iterable[PodState], known: Sequence[LogStream]) -> list[LogStream]:
        """Follow what is not followed yet; the streams of the shipment."""
        found = {(stream.uid, stream.container) for stream in known}
        wanted = [(pod, name) for pod in pods for name in _containers(pod) if (pod.uid, name) not in found]
        streams = [*known, *(_begin(shipment, pod, name) for pod, name in wanted)]
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
        if end.restarts > stream.restart:  # the container has been started again, which is a log of its own
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
        is_open = shipment.streams.filter(done_at=None).exists()
        pods_live = any(not (pod.is_over or pod.is_gone) for pod in pods)
        if (is_open or pods_live) and not is_late:
            return
        late = [f"not all was stored within {self._patience.total_seconds():.0f} seconds of the end"] if is_open else []
        log_shipments.close_shipment(shipment, late)


def _containers(pod: PodState) -> list[str]:
    """Whose logs are worth storing, once there is something in them."""
    helper = _HELPERS.get(pod.reason or "")
    has_begun = pod.started_at is not None or pod.phase == PodPhase.RUNNING or pod.exit_code is not None
    return [*([MAIN] if has_begun else []), *([helper] if helper else [])]


def _begin(shipment: LogShipment, pod: PodState, container: str) -> LogStream:
    role = f"{pod.role}.{pod.index}" if shipment.has_roles else ""
    if container != MAIN:
        role = f"{role}.{container}".lstrip(".")
    place = {"uid": pod.uid, "container": container, "restart": 0}
    stream, _ = LogStream.objects.get_or_create(shipment=shipment, **place, defaults={"pod": pod.name, "role": role})
    return stream


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
