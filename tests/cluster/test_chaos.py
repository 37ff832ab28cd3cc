"""Everything is killed, restarted and cut again and again while runs go on: each ends right, from one pod, and nothing
that it said is lost or doubled."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.cluster import dumps
from tests.cluster.disturbances import Disturbances
from tests.cluster.outcomes import Outcomes
from tests.cluster.outsiders import Outsiders
from tests.cluster.patient import Patient
from tests.cluster.places import ROOT, SOURCES
from tests.cluster.platform import Platform
from tests.cluster.relay import kubeconfig_through, relay_of
from tests.cluster.report import say
from tests.cluster.test_processes import rows
from tests.services import ServiceStack
from tests.services.fixtures import require_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.cluster.cluster import Cluster
    from tests.cluster.relay import Relay

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(2400)]
RUNS = int(os.environ.get("POLYAXON_TEST_CHAOS_RUNS", "40"))
SEED = int(os.environ.get("POLYAXON_TEST_CHAOS_SEED", "6"))
PAUSE = 4.0  # seconds between two disturbances at most
BETWEEN = 2.0  # and between the creations of two runs
STEPS, STEP = 50, 0.2  # lines and metrics of a run, seconds between them
DELIVERY = 300  # seconds in which what a run tells at its end arrives, however often the server is gone meanwhile
PATIENCE = 1800.0  # seconds until the last run has ended
OUTSIDERS = 2
DONE = {"succeeded", "failed", "stopped"}
P = "admin/p"


@pytest.fixture
def services() -> Iterator[ServiceStack]:
    """Of the test's own: nobody else's are restarted."""
    require_packages()
    with ServiceStack() as stack:
        yield stack


@pytest.fixture
def relay(cluster: Cluster) -> Iterator[Relay]:
    with relay_of(cluster.plan) as made:
        yield made


@pytest.fixture
def platform(
    cluster: Cluster, cluster_namespace: str, tmp_path: Path, services: ServiceStack, relay: Relay
) -> Iterator[Platform]:
    """Every component as a process of its own, all of which reach the cluster through the relay."""
    addresses = {"postgres": services.postgres.url, "amqp": services.rabbitmq.url, "redis": services.redis.url}
    made = Platform(cluster, cluster_namespace, tmp_path, **addresses)
    through = kubeconfig_through(relay, cluster.plan, cluster.kubeconfig, tmp_path)
    made.environment["POLYAXON_K8S_KUBECONFIG"] = made.api.environment["POLYAXON_K8S_KUBECONFIG"] = str(through)
    try:
        with dumps.dumped("processes", made.describe):
            yield made.start()
    finally:
        made.close()


class Crowd:
    """Creates the runs, one after the other at random moments, and waits for their ends."""

    def __init__(self, api: Patient) -> None:
        self._api = api
        self._given_up = threading.Event()

    def live(self) -> dict[int, int]:
        """The exit code of each run's command, once all have ended."""
        moments = random.Random(SEED)
        runs = {}
        for number in range(RUNS):
            code = number % 4 // 3
            runs[self._api.create(P, f"POLYAXON_TIMEOUT={DELIVERY} python3 train.py {STEPS} {STEP} {code}")] = code
            self._given_up.wait(moments.uniform(0, BETWEEN))
        deadline = time.monotonic() + PATIENCE
        while not self._have_ended(runs):
            assert time.monotonic() < deadline, Counter(self._api.statuses(P).values())
            if self._given_up.wait(1.0):
                break
        return runs

    def _have_ended(self, runs: Mapping[int, int]) -> bool:
        statuses = self._api.statuses(P)
        return {statuses[run] for run in runs} <= DONE

    def give_up(self) -> None:
        self._given_up.set()


def wait_for_logs(database: str) -> None:
    """Nothing more comes then."""
    deadline = time.monotonic() + 120
    while rows(database, "SELECT 1 FROM db_logshipment WHERE done_at IS NULL"):
        assert time.monotonic() < deadline, "logs are not complete"
        time.sleep(0.5)


def disturbed(disturbances: Disturbances, crowd: Crowd) -> dict[int, int]:
    """The runs, which were disturbed until the last one had ended."""
    with ThreadPoolExecutor(1) as pool:
        living: Future[dict[int, int]] = pool.submit(crowd.live)
        try:
            disturbances.go_on_until(living.done)
        finally:
            crowd.give_up()
    return living.result()


def test_every_run_ends_right(
    platform: Platform, cluster: Cluster, services: ServiceStack, relay: Relay, tmp_path: Path
) -> None:
    api = Patient(platform.api)
    api.ask("POST", "projects", {"name": "p"})
    api.upload(P, {"": SOURCES / "chaos_project", "polyaxon_client": ROOT / "client" / "polyaxon_client"})
    began = time.monotonic()
    disturbances = Disturbances(platform, cluster, services, relay, seed=SEED, pause=PAUSE)
    with Outsiders(platform.api, P, tmp_path, OUTSIDERS) as outsiders:
        runs = disturbed(disturbances, Crowd(api))
        took = time.monotonic() - began
        outside = outsiders.finish()
    wait_for_logs(services.postgres.url)
    found = Outcomes(api, P, services.postgres.url)
    for run, code in runs.items():
        found.look_at_pod(run, code, STEPS, platform.outputs)
    for run, steps in outside.items():
        found.look_at_outsider(run, steps)
    say(
        f"\nchaos: {len(runs)} runs and {len(outside)} outside in {took:.0f} s; {disturbances.describe()}; "
        f"requests repeated {api.repeated}; {found.describe('succeeded', 'failed', 'starts', 'pods', 'warnings')}; "
        f"lines {found.tally['lines']} of {RUNS * STEPS}, points {found.tally['points']} of {RUNS * STEPS * 2}; "
        f"posted lines {found.tally['posted lines']} of {sum(outside.values())}, "
        f"points {found.tally['posted points']} of {sum(outside.values()) * 2}; "
        f"runs with anything wrong: {len(found.wrong)}"
    )
    for reason, count in found.reasons.items():
        say(f"  {count} warned: {reason}")
    assert not found.wrong, found.explain()
    assert (len(runs), len(outside)) == (RUNS, OUTSIDERS)
    assert set(disturbances.tally) >= {f"kill {name}" for name in (*platform.parts, "api")}
