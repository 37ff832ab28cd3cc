"""SIGKILL of the server at random moments while runs come and go, metrics flow and a search goes on."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from polyaxon.lifecycles import EXPERIMENT, GROUP, Lifecycle
from tests.embedded.server import Server
from tests.embedded.test_serve import of_runs

pytestmark = pytest.mark.slow
KILLS = 7
IN_FLIGHT = 10
DELIVERY = 300  # seconds in which what a run tells at its end arrives, however often the server is gone meanwhile
DONE = {"succeeded", "failed", "stopped", "done"}

# Logs so many points, ten a second; its beginning and its end leave lines that nothing removes.
SCRIPT = """
import os, sys, time
trace = open(os.environ["POLYAXON_RUN_OUTPUTS_PATH"] + "/trace", "a", buffering=1)
print("begun", time.time(), file=trace)
from polyaxon_client.tracking import Experiment
experiment = Experiment()
points, name, code = sys.argv[1:]
for step in range(int(points)):
    experiment.log_metrics(step=step, loss=1.0 / (step + 1))
    time.sleep(0.1)
print("line-of-" + name)
print("ended", time.time(), file=trace)
sys.exit(int(code))
"""
SEARCH = {
    "version": 1,
    "kind": "group",
    "hptuning": {
        "concurrency": 2,
        "seed": 7,
        "random_search": {"n_experiments": 8},
        "matrix": {"lr": {"uniform": [0.0, 1.0]}},
    },
    "run": {
        "cmd": "cd $POLYAXON_RUN_OUTPUTS_PATH; echo begun {{ lr }} >> trace; sleep 2; echo ended {{ lr }} >> trace"
    },
}


@dataclass
class Story:
    """What was asked for, by number of the experiment."""

    rng: random.Random
    codes: dict[int, int] = field(default_factory=dict)
    points: dict[int, int] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="6")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.mark.timeout(1200)
def test_runs_metrics_and_a_search_survive_seven_sigkills(server: Server) -> None:
    seed = int(os.environ.get("FAULT_SEED", "20240229"))
    story = Story(random.Random(seed))
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails; FAULT_SEED tries others
    server.request("POST", "projects", {"name": "p"})
    script(server).write_text(SCRIPT)
    group = server.request("POST", "admin/p/groups", {"content": json.dumps(SEARCH)})["id"]
    for _ in range(KILLS):
        top_up(server, story)
        stop_one(server, story)
        time.sleep(story.rng.uniform(0.2, 5.0))
        kill_and_start(server, story.rng)
    for run in story.codes:
        server.wait_for(f"admin/p/experiments/{run}", DONE, timeout=300)
    server.wait_for(f"admin/p/groups/{group}", DONE, timeout=300)
    for run in story.codes:
        check_run(server, story, run)
    check_search(server, group)
    assert of_runs(f"POLYAXON_RUN_OUTPUTS_PATH={server.folder}") == []
    assert server.stop() == 0


def script(server: Server) -> Path:
    return server.folder.parent / "script.py"


def top_up(server: Server, story: Story) -> None:
    """Have ten runs in flight, one in four failing on purpose."""
    rows = server.request("GET", "admin/p/experiments?independent=true&limit=1000")["results"]
    for _ in range(IN_FLIGHT - sum(row["last_status"] not in DONE for row in rows)):
        name, points, code = len(story.codes), story.rng.randint(1, 30), story.rng.choice([0, 0, 0, 3])
        run = server.create_experiment(
            "p", f"POLYAXON_TIMEOUT={DELIVERY} exec python {script(server)} {points} {name} {code}"
        )
        story.codes[run], story.points[run] = code, points


def stop_one(server: Server, story: Story) -> None:
    """Stop a run that would never end by itself, at whatever stage it is."""
    run = server.create_experiment("p", "echo begun >> $POLYAXON_RUN_OUTPUTS_PATH/trace; sleep 1000")
    story.codes[run], story.points[run] = 0, 0
    story.stopped.add(run)
    time.sleep(story.rng.choice([0.0, 0.0, 1.0]))
    server.request("POST", f"admin/p/experiments/{run}/stop")


def kill_and_start(server: Server, rng: random.Random) -> None:
    server.kill()
    time.sleep(rng.uniform(0.0, 1.0))
    if rng.random() < 0.3:  # and once more before it is up
        server.launch()
        time.sleep(rng.uniform(0.2, 3.0))
        server.kill()
    server.start()


def check_run(server: Server, story: Story, run: int) -> None:
    detail = server.request("GET", f"admin/p/experiments/{run}")
    lines = trace(server, f"experiments/{run}")
    check_history(server, f"admin/p/experiments/{run}", EXPERIMENT)
    if run in story.stopped:
        assert detail["last_status"] == "stopped", run
        assert lines in ([], [["begun"]]), run
        return
    assert detail["last_status"] == ("failed" if story.codes[run] else "succeeded"), run
    assert [line[0] for line in lines] == ["begun", "ended"], run
    check_times(detail, float(lines[0][1]), float(lines[1][1]))
    steps = [row["step"] for row in results(server, f"admin/p/experiments/{run}/metrics")]
    assert sorted(steps) == list(range(story.points[run])), run
    assert server.text(f"admin/p/experiments/{run}/logs").count("line-of-") == 1, run


def check_times(detail: dict[str, Any], begun: float, ended: float) -> None:
    """They are those of the command, also when no server was there to see it end."""
    started, finished = (datetime.fromisoformat(detail[key]).astimezone(UTC) for key in ("started_at", "finished_at"))
    assert begun - 60 < started.timestamp() <= begun + 0.01
    # Between the last line and the end of the command the client delivers its metrics, if need be to the next server.
    assert ended - 0.01 <= finished.timestamp() < ended + DELIVERY


def check_history(server: Server, path: str, lifecycle: Lifecycle) -> None:
    statuses = [row["status"] for row in results(server, f"{path}/statuses")]
    assert statuses[0] == "created", statuses
    assert statuses[-1] in lifecycle.done, statuses
    illegal = [pair for pair in pairwise(statuses) if not lifecycle.can_move(*pair)]
    assert illegal == [], (path, statuses)


def check_search(server: Server, group: int) -> None:
    check_history(server, f"admin/p/groups/{group}", GROUP)
    trials = results(server, f"admin/p/experiments?group={group}")
    assert [trial["last_status"] for trial in trials] == ["succeeded"] * 8
    rates = {str(trial["params"]["lr"]) for trial in trials}
    assert len(rates) == 8
    for trial in trials:
        rate = str(trial["params"]["lr"])
        assert trace(server, f"groups/{group}/{trial['id']}") == [["begun", rate], ["ended", rate]]


def results(server: Server, path: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = server.request("GET", f"{path}{'&' if '?' in path else '?'}limit=1000")["results"]
    return listed


def trace(server: Server, place: str) -> list[list[str]]:
    file = Path(server.folder, "outputs/admin/p", place, "trace")
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []
