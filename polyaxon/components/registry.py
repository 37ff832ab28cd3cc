"""Which processes there are, and which loops each of them runs. Rooms register theirs in a module `components`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.module_loading import autodiscover_modules

from polyaxon.components.turns import Turn
from polyaxon.queues import EVENTS, HPSEARCH, MONITORS, PASSES, PODS

Work = Callable[[Turn], None]

WEB = "api"  # the component that serves HTTP

# Name of each component, and the queue that it works on, if any.
COMPONENTS: dict[str, str | None] = {
    WEB: None,
    "scheduler": PASSES,
    "hpsearch": HPSEARCH,
    "monitors": MONITORS,
    "k8s-events": PODS,
    "events": EVENTS,
    "beat": None,
}


@dataclass(frozen=True, slots=True)
class Loop:
    """Work without end that is done by one replica at a time, or in shards of which each is."""

    component: str
    name: str
    work: Work
    shards: int
    enabled: Callable[[], bool]

    def lease(self, shard: int) -> str:
        """Name of the lease of one shard."""
        return f"{self.component}/{self.name}" + (f"/{shard}-{self.shards}" if self.shards > 1 else "")


_LOOPS: dict[tuple[str, str], Loop] = {}


def loop(
    component: str, name: str, *, shards: int = 1, enabled: Callable[[], bool] = lambda: True
) -> Callable[[Work], Work]:
    """Register a function that is called with its `Turn` whenever it becomes this process's turn.

    It returns soon after `turn.is_over`; what it raises, and a return before that, ends the process with one line.
    With `shards`, it is called once for each shard that this process has; replicas share them evenly. `enabled` is
    asked at the start of the process.
    """
    if component not in COMPONENTS:
        raise ValueError(f"no component {component!r}; there are {', '.join(COMPONENTS)}")

    def register(work: Work) -> Work:
        _LOOPS[component, name] = Loop(component, name, work, shards, enabled)
        return work

    return register


def loops(*components: str) -> list[Loop]:
    """The enabled loops of these components."""
    autodiscover_modules("components")
    return [each for each in _LOOPS.values() if each.component in components and each.enabled()]
