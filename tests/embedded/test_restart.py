"""Runs survive the death of the server: each ends in its right status and was started once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.embedded.server import Server

pytestmark = pytest.mark.slow
DONE = {"succeeded", "failed", "stopped"}

# Each start and each end leaves a line that nothing ever removes.
COMMAND = (
    "echo begun >> $POLYAXON_RUN_OUTPUTS_PATH/trace; for i in $(seq 1 {seconds}0); do sleep 0.1; done; "
    "echo line-from-{name}; echo ended >> $POLYAXON_RUN_OUTPUTS_PATH/trace; exit {code}"
)


def trace(server: Server, run: int) -> list[str]:
    return Path(server.folder, "outputs/admin/p/experiments", str(run), "trace").read_text().split()


@pytest.mark.timeout(900)
def test_twenty_runs_in_flight_and_three_sigkills(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="20")
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        # One in five fails on purpose: the right status is not always the same one.
        codes = {
            server.create_experiment("p", COMMAND.format(seconds=2 + n % 5, name=n, code=3 if n % 5 == 0 else 0)): (
                3 if n % 5 == 0 else 0
            )
            for n in range(20)
        }
        for _ in range(3):
            time.sleep(random.uniform(0.3, 1.5))
            server.kill()
            time.sleep(random.uniform(0.0, 1.0))
            server.start()
        ends = {run: server.wait_for(f"admin/p/experiments/{run}", DONE, 200) for run in codes}
        expected = {run: "failed" if code else "succeeded" for run, code in codes.items()}
        assert {run: end["last_status"] for run, end in ends.items()} == expected
        assert {run: trace(server, run) for run in codes} == {run: ["begun", "ended"] for run in codes}
        for place, run in enumerate(codes):
            assert server.text(f"admin/p/experiments/{run}/logs").count(f"line-from-{place}\n") == 1
            statuses = server.request("GET", f"admin/p/experiments/{run}/statuses")["results"]
            assert [row["status"] for row in statuses].count(expected[run]) == 1
    finally:
        server.close()


@pytest.mark.timeout(900)
def test_a_search_goes_on_after_a_sigkill_without_a_trial_lost_or_doubled(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="3")
    content = """
version: 1
kind: group
hptuning:
  concurrency: 3
  seed: 5
  random_search: {n_experiments: 8}
  matrix:
    lr: {uniform: [0.0, 1.0]}
run:
  cmd: cd $POLYAXON_RUN_OUTPUTS_PATH; echo begun-{{ lr }} >> trace; sleep 1.5; echo ended >> trace
"""
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        group = server.request("POST", "admin/p/groups", {"content": content})["id"]
        for _ in range(2):
            time.sleep(random.uniform(0.5, 2.0))
            server.kill()
            server.start()
        server.wait_for(f"admin/p/groups/{group}", {"done", "failed", "stopped"}, 300)
        trials = server.request("GET", f"admin/p/experiments?group={group}&limit=100")["results"]
        assert [trial["last_status"] for trial in trials] == ["succeeded"] * 8
        assert len({trial["params"]["lr"] for trial in trials}) == 8
        for trial in trials:
            lines = Path(server.folder, f"outputs/admin/p/groups/{group}/{trial['id']}/trace").read_text().split()
            assert lines == [f"begun-{trial['params']['lr']}", "ended"]
    finally:
        server.close()


@pytest.mark.timeout(400)
def test_a_run_interrupted_by_a_shutdown_is_started_again_and_keeps_its_outputs(server: Server) -> None:
    server.request("POST", "projects", {"name": "p"})
    run = server.create_experiment(
        "p",
        "cd $POLYAXON_RUN_OUTPUTS_PATH; echo begun >> trace; until [ -e go ]; do sleep 0.1; done; echo ended >> trace",
    )
    server.wait_for(f"admin/p/experiments/{run}", {"running"})
    file = Path(server.folder, "outputs/admin/p/experiments", str(run), "trace")
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.stop() == 0
    assert trace(server, run) == ["begun"]
    file.with_name("go").touch()
    server.start()
    server.wait_for(f"admin/p/experiments/{run}", {"succeeded"})
    assert trace(server, run) == ["begun", "begun", "ended"]
    statuses = server.request("GET", f"admin/p/experiments/{run}/statuses")["results"]
    assert "warning" in [row["status"] for row in statuses]
