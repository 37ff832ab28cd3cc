"""Events that come in one batch."""

from __future__ import annotations

from k8s_events.reflector import Reflector
from k8s_events.source import PodSource
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
