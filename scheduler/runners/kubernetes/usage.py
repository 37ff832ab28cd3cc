"""CPU and memory of pods, as the kubelets measured them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polyaxon.pods.reading import at, integer, items, part, text
from scheduler.runners.base import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from scheduler.runners.kubernetes.api import ClusterApi

KEPT = 5.0  # seconds; runs of one node share what it said
NANO = 1e9


class Summaries:
    """The nodes' summaries, asked for at most every few seconds."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Usage]]] = {}

    def of_node(self, node: str) -> dict[str, Usage]:
        """Usage of the node's pods by uid."""
        now = time.monotonic()
        with self._lock:
            asked, found = self._known.get(node, (-KEPT, {}))
        if now - asked < KEPT:
            return found
        found = read(self._api.node_summary(node))
        with self._lock:
            self._known = {name: entry for name, entry in self._known.items() if now - entry[0] < KEPT}
            self._known[node] = (now, found)
        return found


def read(summary: Mapping[str, Any]) -> dict[str, Usage]:
    """Of a kubelet's `stats/summary`."""
    found = {}
    for pod in items(summary, "pods"):
        uid = text(part(pod, "podRef"), "uid")
        cpu, memory = part(pod, "cpu"), part(pod, "memory")
        used = integer(memory.get("workingSetBytes"))
        if uid and used is not None:
            found[uid] = Usage(
                cpu_percent=100 * (integer(cpu.get("usageNanoCores")) or 0) / NANO,
                memory_bytes=used,
                processes=integer(part(pod, "process_stats").get("process_count")) or 0,
                sampled_at=at(cpu, "time") or datetime.now(UTC),
            )
    return found


def total(usages: Sequence[Usage | None]) -> Usage | None:
    """Of several pods together; None without any."""
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    return Usage(
        cpu_percent=sum(usage.cpu_percent for usage in known),
        memory_bytes=sum(usage.memory_bytes for usage in known),
        processes=sum(usage.processes for usage in known),
        sampled_at=max(usage.sampled_at for usage in known),
    )
