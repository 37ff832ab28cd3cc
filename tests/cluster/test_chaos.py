"""Every process is killed again and again while runs go on: each run ends right, and each had one pod."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

import pytest

from tests.cluster.platform import Platform
from tests.cluster.report import say
from tests.cluster.test_processes import rows

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(1800)]
# 100 on a machine that has nothing else to do.
RUNS = int(os.environ.get("POLYAXON_TEST_CHAOS_RUNS", "16"))
SEED = 6


@pytest.fixture
def platform(unstarted_platform: Platform) -> Platform:
    return unstarted_platform.start()


class Killer:
    """Kills one process after the other, in random order, and starts each again."""

    def __init__(self, platform: Platform, cluster: Cluster) -> None:
        self.tally: Counter[str] = Counter()
        self._platform = platform
        self._cluster = cluster
        self._random = random.Random(SEED)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        names = [*self._platform.parts, "kube-apiserver"]
        while True:
            self._random.shuffle(names)
            for name in names:
                if self._over.wait(self._random.uniform(0.5, 2.0)):
                    return
                self._kill(name)
                self.tally[name] += 1

    def _kill(self, name: str) -> None:
        if name == "kube-apiserver":
            server = self._cluster.component(name)
            server.kill()
            server.start()
        else:
            for part in self._platform.parts[name]:
                part.kill()
                part.launch()


def test_every_run_ends_right(platform: Platform, cluster: Cluster, postgres: str) -> None:
    api = platform.api
    api.request("POST", "projects", {"name": "p"})
    with Killer(platform, cluster) as killer:
        began = time.monotonic()
        command = "echo x >> $POLYAXON_RUN_OUTPUTS_PATH/starts; sleep 2; exit {}"
        runs = {api.create_experiment("p", command.format(number % 4 // 3)): number % 4 // 3 for number in range(RUNS)}
        time.sleep(20)  # long enough for each to be killed
    ends = {run: api.wait_for(f"admin/p/experiments/{run}", {"succeeded", "failed"}, 600) for run in runs}
    took = time.monotonic() - began
    statuses = {run: end["last_status"] for run, end in ends.items()}
    starts = Counter((platform.outputs / f"admin/p/experiments/{run}/starts").read_text() for run in runs)
    pods = Counter(row[0] for row in rows(postgres, "SELECT run FROM db_podstate"))
    say(
        f"\n{RUNS} runs in {took:.0f} s; kills: {dict(killer.tally)}; ends: {dict(Counter(statuses.values()))}; "
        f"starts of a command: {dict(starts)}; pods of a run: {dict(Counter(pods.values()))}"
    )
    assert sum(killer.tally.values()) >= len(platform.parts)
    assert statuses == {run: "failed" if code else "succeeded" for run, code in runs.items()}
    assert starts == {"x\n": RUNS}
    assert Counter(pods.values()) == {1: RUNS}
