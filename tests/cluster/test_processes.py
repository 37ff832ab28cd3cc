"""Runs from their creation to their end, with every component a process of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.cluster.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]
DONE = {"succeeded", "failed", "stopped", "done"}


@pytest.fixture
def platform(unstarted_platform: Platform) -> Platform:
    return unstarted_platform.start(scheduler=2, k8s_events=2, beat=2)


def rows(postgres: str, query: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(postgres)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def states(platform: Platform, name: str) -> list[str]:
    """What the loops of a component's processes do."""
    loops = [part.ask("/healthz")[1]["loops"] for part in platform.parts[name]]
    return sorted(state for each in loops for state in each.values())


def settles(condition: Callable[[], object]) -> None:
    """Leases change hands, and workers of a busy machine answer late. No more often than the rate of checks allows."""
    for _ in range(8):
        if condition():
            return
        time.sleep(7)
    assert condition()


def test_runs_come_to_their_ends(platform: Platform, postgres: str) -> None:
    api = platform.api
    api.request("POST", "projects", {"name": "p"})
    fine = api.create_experiment("p", "echo x >> $POLYAXON_RUN_OUTPUTS_PATH/starts")
    failing = api.create_experiment("p", "exit 3")
    endless = api.create_experiment("p", "sleep 1000")
    search = {
        "version": 1,
        "kind": "group",
        "hptuning": {"concurrency": 2, "random_search": {"n_experiments": 3}, "matrix": {"lr": {"values": [1, 2, 3]}}},
        "run": {"cmd": "echo {{ lr }}"},
    }
    group = api.request("POST", "admin/p/groups", {"content": json.dumps(search)})["id"]
    ends = {run: api.wait_for(f"admin/p/experiments/{run}", DONE, 180)["last_status"] for run in (fine, failing)}
    assert ends == {fine: "succeeded", failing: "failed"}
    assert (platform.outputs / "admin/p/experiments" / str(fine) / "starts").read_text() == "x\n"
    api.wait_for(f"admin/p/experiments/{endless}", {"running"}, 120)
    api.request("POST", f"admin/p/experiments/{endless}/stop")
    assert api.wait_for(f"admin/p/experiments/{endless}", DONE, 120)["last_status"] == "stopped"
    assert api.wait_for(f"admin/p/groups/{group}", DONE, 180)["last_status"] == "done"
    # One pod for each attempt, however many were at it.
    counts = rows(postgres, "SELECT run, attempt, COUNT(*) FROM db_podstate GROUP BY run, attempt")
    assert [count for _, _, count in counts] == [1] * 6
    names = ("k8s-events", "beat")
    settles(lambda: all(states(platform, name) == ["acting", "standing by"] for name in names))
    passes = 'polyaxon_pass_seconds_count{state="success",task="scheduler.reconcile"}'
    assert sum(part.metric(passes) for part in platform.parts["scheduler"]) >= 2
    settles(lambda: not [name for name, part in api.request("GET", "status").items() if not part["is_healthy"]])


def test_every_process_ends_cleanly_and_another_takes_over_at_once(platform: Platform, postgres: str) -> None:
    settles(lambda: "acting" in states(platform, "beat"))
    acting = next(part for part in platform.parts["beat"] if part.acts("beat/timetable"))
    other = next(part for part in platform.parts["beat"] if part is not acting)
    assert acting.stop() == 0
    began = time.monotonic()
    other.until(lambda: other.acts("beat/timetable"), 60)
    assert time.monotonic() - began < 8  # not the 10 s until it would take over from one that was killed
    platform.parts["beat"].remove(acting)
    codes = platform.stop()
    assert {code for each in codes.values() for code in each} == {0}
    assert rows(postgres, "SELECT name FROM db_lease WHERE owner <> ''") == []
