"""Events that come in one batch."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from k8s_events import stream
from k8s_events.reflector import Reflector
from k8s_events.source import Json, PodSource
from k8s_events.stream import Batches
from polyaxon.pods import SeenPod, Trouble
from polyaxon.pods.store import MemoryPodStore
from tests.pods import jsons


def test_of_two_events_of_a_pod_the_later_counts() -> None:
    """A pod is made, and at once no node can take it: both in one batch, and nothing comes after that."""
    store, news = MemoryPodStore(), list[SeenPod]()
    reflector = Reflector(PodSource("", "", "default"), store, news.extend)
    made = jsons.pod(node=None, conditions=[])
    waits = jsons.pod(node=None, conditions=[jsons.scheduled("False", reason="Unschedulable", message="0/1 nodes")])
    for number, each in enumerate((made, waits)):
        each["metadata"]["resourceVersion"] = str(number)
    reflector._take([{"type": "ADDED", "object": made}, {"type": "MODIFIED", "object": waits}])
    (pod,) = store.present()
    assert (pod.trouble, pod.reason) == (Trouble.SCHEDULING, "Unschedulable")
    assert news[-1].trouble is Trouble.SCHEDULING


class _Spaced:
    """Groups of events, each after the one before was taken; shortly after each other within a group."""

    def __init__(self, *groups: int) -> None:
        self._groups = groups
        self.taken = threading.Semaphore()

    def __iter__(self) -> Iterator[Json]:
        numbers = itertools.count()
        for size in self._groups:
            assert self.taken.acquire(timeout=60)
            for _ in range(size):
                yield {"number": next(numbers)}
                time.sleep(0.05)

    def cut(self) -> None: ...

    def close(self) -> None: ...


def test_what_comes_alone_waits_for_nothing_and_what_follows_it_closely_comes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "GATHER", 4.0)  # while the machine may stand still
    spaced = _Spaced(1, 3, 1)
    begun, found = time.monotonic(), list[tuple[float, list[int]]]()
    for batch in Batches(spaced):  # type: ignore[arg-type]
        if batch:
            found.append((time.monotonic() - begun, [event["number"] for event in batch]))
            spaced.taken.release()
    assert [numbers for _, numbers in found] == [[0], [1, 2, 3], [4]]
    assert found[0][0] < stream.GATHER
