"""What goes wrong all the time: processes are killed, servers restarted, connections cut."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.cluster.cluster import Cluster
    from tests.cluster.platform import Platform
    from tests.cluster.relay import Relay
    from tests.services import ServiceStack

API_SERVER = "kube-apiserver"


class Disturbances:
    """One after the other, all of them in an order that changes, with pauses in between.

    Of the thread that started the services, whose processes would end with another one.
    """

    def __init__(
        self, platform: Platform, cluster: Cluster, services: ServiceStack, relay: Relay, *, seed: int, pause: float
    ) -> None:
        """`pause`: seconds between two at most."""
        self.tally: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._pause = pause
        self._platform = platform
        self._cluster = cluster
        self._services = {each.name: each for each in services.services}
        self._relay = relay

    def go_on_until(self, is_over: Callable[[], bool]) -> None:
        """Disturb until it is over."""
        while True:
            acts = list(self._acts().items())
            self._random.shuffle(acts)
            for name, act in acts:
                if self._rest(is_over):
                    return
                act()
                self.tally[name] += 1

    def _rest(self, is_over: Callable[[], bool]) -> bool:
        end = time.monotonic() + self._random.uniform(self._pause / 4, self._pause)
        while not is_over():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def _acts(self) -> Mapping[str, Callable[[], None]]:
        """Of this round: a server is either ended or killed, but for Redis all keep their data."""
        acts: dict[str, Callable[[], None]] = {f"kill {name}": self._killer(name) for name in self._platform.parts}
        acts["kill api"] = self._kill_api
        for name in (API_SERVER, *self._services):
            how = self._random.choice(("stop", "kill"))
            acts[f"{how} {name}"] = self._restarter(name, how)
        acts["cut watches"] = self._cut
        acts["silence watches"] = self._silence
        return acts

    def _killer(self, name: str) -> Callable[[], None]:
        def kill() -> None:
            for part in self._platform.parts[name]:
                part.kill()
                part.launch()

        return kill

    def _kill_api(self) -> None:
        self._platform.api.kill()
        self._platform.api.launch()

    def _restarter(self, name: str, how: str) -> Callable[[], None]:
        def restart() -> None:
            server = self._cluster.component(name) if name == API_SERVER else self._services[name]
            getattr(server, how)()
            time.sleep(self._random.uniform(0.0, 2.0))
            server.start()

        return restart

    def _cut(self) -> None:
        self.connections["cut"] += self._relay.cut()

    def _silence(self) -> None:
        self.connections["silenced"] += self._relay.silence()

    def describe(self) -> str:
        """How often what was done."""
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.tally.items()))
        return f"{done}; connections cut {self.connections['cut']}, silenced {self.connections['silenced']}"
