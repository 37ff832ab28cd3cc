"""Where pods that were seen are kept."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from polyaxon.pods.seen import SeenPod, merge

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime


_RUN = re.compile(r"[0-9a-f]{32}")


class PodStore(ABC):
    """Pods by run and attempt. What is known never goes backwards, in whatever order it is put."""

    @abstractmethod
    def put(self, pod: SeenPod) -> bool:
        """Add what was seen; whether anything about the pod is new. Pods of no run are not kept."""

    def put_all(self, pods: Sequence[SeenPod]) -> list[SeenPod]:
        """The same for many at once, in the order in which they were seen; those of which something is new."""
        return [pod for pod in pods if self.put(pod)]

    @abstractmethod
    def of_attempt(self, run: str, attempt: int) -> list[SeenPod]:
        """Every pod of the attempt, also those that are gone, by name."""

    def of_attempts(self, attempts: Collection[tuple[str, int]]) -> dict[tuple[str, int], list[SeenPod]]:
        """The same of many, by run and attempt."""
        return {key: self.of_attempt(*key) for key in attempts}

    @abstractmethod
    def of_runs(self, runs: Collection[str]) -> dict[str, list[SeenPod]]:
        """Every pod of these runs, whatever the attempt; runs without any are left out."""

    @abstractmethod
    def present(self) -> list[SeenPod]:
        """Pods that are not known to be gone, by name: what a list of the cluster's pods is compared with."""

    @abstractmethod
    def forget(self, run: str) -> None:
        """Drop what is known of the run's pods. What is seen of these pods later brings nothing back."""

    def forget_all(self, runs: Collection[str]) -> None:
        """The same of many."""
        for run in runs:
            self.forget(run)

    @abstractmethod
    def mark_watched(self, namespace: str, at: datetime) -> None:
        """Say that pods of the namespace are being watched, and that until `at` nothing was missed."""

    @abstractmethod
    def watched_at(self, namespace: str) -> datetime | None:
        """When that was last said."""


def is_run(text: str) -> bool:
    """Whether it is the id of a run: 32 hex digits."""
    return _RUN.fullmatch(text) is not None


def is_news(old: SeenPod, new: SeenPod) -> bool:
    """Whether they differ in more than when the pod was seen."""
    return replace(old, seen_at=None) != replace(new, seen_at=None)


class MemoryPodStore(PodStore):
    """In the memory of this process: for tests, and for a server that watches and runs by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pods: dict[str, SeenPod] = {}
        self._forgotten: set[str] = set()
        self._watched: dict[str, datetime] = {}

    def put(self, pod: SeenPod) -> bool:
        """See `PodStore.put`."""
        if not is_run(pod.run):
            return False
        with self._lock:
            if pod.uid in self._forgotten:
                return False
            old = self._pods.get(pod.uid)
            self._pods[pod.uid] = new = merge(old, pod) if old else pod
        return old is None or is_news(old, new)

    def of_attempt(self, run: str, attempt: int) -> list[SeenPod]:
        """See `PodStore.of_attempt`."""
        return [pod for pod in self._sorted() if (pod.run, pod.attempt) == (run, attempt)]

    def of_runs(self, runs: Collection[str]) -> dict[str, list[SeenPod]]:
        """See `PodStore.of_runs`."""
        found: dict[str, list[SeenPod]] = {}
        for pod in self._sorted():
            if pod.run in runs:
                found.setdefault(pod.run, []).append(pod)
        return found

    def present(self) -> list[SeenPod]:
        """See `PodStore.present`."""
        return [pod for pod in self._sorted() if not pod.is_gone]

    def forget(self, run: str) -> None:
        """See `PodStore.forget`."""
        with self._lock:
            self._forgotten |= {uid for uid, pod in self._pods.items() if pod.run == run}
            self._pods = {uid: pod for uid, pod in self._pods.items() if uid not in self._forgotten}

    def mark_watched(self, namespace: str, at: datetime) -> None:
        """See `PodStore.mark_watched`."""
        with self._lock:
            self._watched[namespace] = max(at, self._watched.get(namespace, at))

    def watched_at(self, namespace: str) -> datetime | None:
        """See `PodStore.watched_at`."""
        return self._watched.get(namespace)

    def _sorted(self) -> list[SeenPod]:
        with self._lock:
            return sorted(self._pods.values(), key=lambda pod: (pod.name, pod.uid))
