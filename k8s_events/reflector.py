"""Keeps the rows of pods as the cluster has them (the pattern of Kubernetes' informers).

List, watch from the version of the list, go on from the last version seen when a watch ends; list anew when the server
has forgotten that version, or fell silent. Nothing that is written depends on there being one reflector only: rows
never go backwards, and a pod counts as gone only if it was known before a list that does not have it.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from k8s_events import telemetry
from k8s_events.source import Gone, Json, PodSource, Refused, Silence, Unavailable
from k8s_events.stream import Batches
from polyaxon.components import Fatal, Turn
from polyaxon.pods import SeenPod, mapping
from polyaxon.pods.seen import gone
from polyaxon.pods.store import PodStore

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds
FAILURES_OF_A_WATCH = 5  # one after the other, until a list is tried instead
MARK_EVERY = 5.0  # seconds between two signs of life

News = Callable[[list[SeenPod]], object]


class Reflector:
    """`run` until the turn is over. `on_news` gets the pods of which something is new, after it is stored."""

    def __init__(
        self,
        source: PodSource,
        store: PodStore,
        on_news: News,
        *,
        watch_seconds: int = 15,
        patience: float = 60.0,
    ) -> None:
        """`patience`: seconds for which we may be refused."""
        self._source = source
        self._store = store
        self._on_news = on_news
        self._seconds = watch_seconds
        self._silence = watch_seconds * 4 / 3
        self._patience = patience
        self._version: str | None = None
        self._failures = 0
        self._refused_since: float | None = None
        self._marked_at = 0.0

    def run(self, turn: Turn) -> None:
        """Raises `Fatal` when the cluster refuses us for too long, and the database's errors."""
        while not turn.is_over:
            try:
                self._once(turn)
            except Gone as error:
                self._relist("gone", error)
            except Silence as error:
                self._relist("silence", error)
            except Refused as error:
                self._refused(error)
                turn.wait(self._pause())
            except Unavailable as error:
                if not turn.is_over:
                    self._unavailable(error)
                    turn.wait(max(self._pause(), error.retry_after))
            else:
                self._failures = 0

    def _once(self, turn: Turn) -> None:
        """A list, if one is due, and one watch."""
        if self._version is None:
            self._list()
        assert self._version is not None
        watched = self._source.watch(self._version, self._seconds, self._silence)
        self._refused_since = None
        take_back = turn.on_end(watched.cut)
        batches = Batches(watched)
        try:
            for batch in batches:
                self._take(batch)
                if turn.is_over:
                    return
        finally:
            take_back()
            batches.close()
        self._mark(datetime.now(UTC))

    def _list(self) -> None:
        known = self._store.present()  # before the list: what comes to be after this is in neither
        at = datetime.now(UTC)
        found, version = self._source.list()
        seen = [mapping.seen(pod, at) for pod in found]
        there = {pod.uid for pod in seen}
        self._write([*seen, *(gone(pod, at) for pod in known if pod.uid not in there)])
        telemetry.PODS.set(len(seen))
        self._version = version
        self._mark(at, at_once=True)

    def _take(self, batch: list[Json]) -> None:
        now = datetime.now(UTC)
        # Of two that are told of one pod the later counts, also when they come together.
        moments = (now + timedelta(microseconds=place) for place in range(len(batch)))
        self._write(filter(None, map(_seen, batch, moments)))
        for event in batch:
            telemetry.EVENTS.labels(event["type"].lower()).inc()
            self._version = event["object"]["metadata"]["resourceVersion"]
        if batch:
            self._mark(now)

    def _write(self, pods: Iterable[SeenPod]) -> None:
        if news := self._store.put_all(list(pods)):
            self._on_news(news)

    def _mark(self, at: datetime, *, at_once: bool = False) -> None:
        """Say that nothing was missed until `at`."""
        if at_once or time.monotonic() - self._marked_at >= MARK_EVERY:
            self._store.mark_watched(self._source.namespace, at)
            self._marked_at = time.monotonic()

    def _relist(self, why: str, error: Exception) -> None:
        logger.info("Pods are listed anew: %s", error)
        telemetry.RELISTS.labels(why).inc()
        self._version = None

    def _unavailable(self, error: Unavailable) -> None:
        logger.warning("Pods cannot be watched, it is tried again: %s", error)
        if self._failures >= FAILURES_OF_A_WATCH:
            self._version = None

    def _refused(self, error: Refused) -> None:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        self._source.forget_access()
        logger.warning("The cluster refuses to show its pods: %s", error)
        if now - self._refused_since >= self._patience:
            raise Fatal(
                f"The cluster has refused for {self._patience:.0f} s to show pods of namespace "
                f"{self._source.namespace}: {error}. Grant get, list and watch of pods, or correct the credentials "
                "(POLYAXON_K8S_KUBECONFIG)."
            ) from error

    def _pause(self) -> float:
        """Twice as long each time, and never two alike: many that lost one server come back one by one."""
        longest: float = min(FIRST_PAUSE * 2.0**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 10)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _seen(event: Json, now: datetime) -> SeenPod | None:
    if event["type"] == "BOOKMARK":
        return None
    pod = mapping.seen(event["object"], now)
    return gone(pod, now) if event["type"] == "DELETED" else pod
