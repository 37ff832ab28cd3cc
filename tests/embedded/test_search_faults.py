"""SIGKILL of the server at random moments during two searches: one trial at a time, and several."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hpsearch import MemoryHistory, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning
from tests.embedded.server import Server
from tests.embedded.test_faults import DONE, results
from tests.embedded.test_serve import of_runs

pytestmark = pytest.mark.slow
KILLS = 50
FREE = 0.9  # The share of a search's runs that may end before the last kill: the search has to outlive it.

# Reports one value, to whichever server is there, and leaves a line at its beginning and its end.
SCRIPT = """
import glob, json, os, sys, time, urllib.request
lr, epochs, pause, free, kills_over = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
trace = open(os.environ["POLYAXON_RUN_OUTPUTS_PATH"] + "/trace", "a", buffering=1)
print("begun", lr, epochs, file=trace)
time.sleep(pause)
traces = glob.glob(os.environ["POLYAXON_RUN_OUTPUTS_PATH"] + "/../*/trace")
begun = sum(line.startswith("begun") for name in traces for line in open(name))
while begun > free and not os.path.exists(kills_over):
    time.sleep(0.1)
info = json.loads(os.environ["POLYAXON_EXPERIMENT_INFO"])
owner, project = info["project_name"].split(".")
path = f"/api/v1/{owner}/{project}/experiments/{info['experiment_name'].split('.')[-1]}/metrics"
request = urllib.request.Request(os.environ["POLYAXON_API_HTTP_HOST"] + path, method="POST")
request.add_header("Authorization", "Token " + os.environ["POLYAXON_SECRET_USER_TOKEN"])
request.add_header("Content-Type", "application/json")
request.add_header("X-Polyaxon-Batch", "00000000-0000-4000-8000-000000000001")
request.data = json.dumps({"values": {"loss": (float(lr) - 0.3) ** 2}}).encode()
deadline = time.monotonic() + 1500
while True:
    try:
        urllib.request.urlopen(request, timeout=30).read()
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
print("ended", lr, epochs, file=trace)
"""
MATRIX = {"lr": {"uniform": [0.0, 1.0]}}
ONE_AT_A_TIME: dict[str, Any] = {
    "concurrency": 1,
    "seed": 3,
    "matrix": MATRIX,
    "asha": {
        "n_experiments": 30,
        "max_iter": 9,
        "eta": 3,
        "resource": {"name": "epochs", "type": "int"},
        "metric": {"name": "loss", "optimization": "minimize"},
        "resume": True,
    },
}
SEVERAL: dict[str, Any] = {**ONE_AT_A_TIME, "concurrency": 4, "asha": {**ONE_AT_A_TIME["asha"], "n_experiments": 60}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="6", POLYAXON_SYNC_INTERVAL="0.1")
    try:
        running.start()
        running.request("POST", "projects", {"name": "p"})
        (tmp_path / "train.py").write_text(SCRIPT)
        yield running
    finally:
        running.close()


@pytest.mark.timeout(1800)
def test_searches_survive_fifty_sigkills_as_if_nothing_had_happened(server: Server) -> None:
    rng = random.Random(int(os.environ.get("FAULT_SEED", "20240229")))
    one, several = start(server, ONE_AT_A_TIME, 0.2), start(server, SEVERAL, 0.5)
    for _ in range(KILLS):
        if rng.random() < 0.5:
            server.wait_until_ready()
        time.sleep(rng.uniform(0.1, 1.6))
        server.kill()
        server.launch()
    last_kill = time.time()
    kills_over(server).touch()
    server.wait_until_ready()
    for group in (one, several):
        detail = server.wait_for(f"admin/p/groups/{group}", DONE, timeout=600)
        assert detail["last_status"] == "done", detail
        assert datetime.fromisoformat(detail["finished_at"]).timestamp() > last_kill, "kills came after its end"
        check_each_ran_once(server, group)
    assert sequence(server, one) == undisturbed(ONE_AT_A_TIME)
    assert of_runs(f"POLYAXON_RUN_OUTPUTS_PATH={server.folder}") == []


def start(server: Server, section: dict[str, Any], pause: float) -> int:
    script = server.folder.parent / "train.py"
    free = round(FREE * len(undisturbed(section)))
    command = f"exec python -S {script} {{{{ lr }}}} {{{{ epochs }}}} {pause} {free} {kills_over(server)}"
    content = {"version": 1, "kind": "group", "hptuning": section, "run": {"cmd": command}}
    return int(server.request("POST", "admin/p/groups", {"content": json.dumps(content)})["id"])


def kills_over(server: Server) -> Path:
    return server.folder.parent / "kills-over"


def trials(server: Server, group: int) -> list[dict[str, Any]]:
    return sorted(results(server, f"admin/p/experiments?group={group}"), key=lambda row: row["id"])


def sequence(server: Server, group: int) -> list[tuple[float, int]]:
    return [(row["params"]["lr"], row["params"]["epochs"]) for row in trials(server, group)]


def undisturbed(section: dict[str, Any]) -> list[tuple[float, int]]:
    """The trials of the same search when nothing goes wrong, one after the other."""
    algorithm = create_algorithm(HpTuning.model_validate(section), seed=0)
    history: list[Trial] = []
    while True:
        decision = algorithm.suggest(MemoryHistory(history), limit=1)
        for each in decision.suggestions:
            metrics = {"loss": (each.params["lr"] - 0.3) ** 2}
            stage, parent, numbers = each.stage, each.parent, each.numbers
            history.append(Trial(each.index, each.params, TrialState.SUCCEEDED, metrics, stage, parent, dict(numbers)))
        if decision.finished and not decision.suggestions:
            return [(trial.params["lr"], trial.params["epochs"]) for trial in history]


def check_each_ran_once(server: Server, group: int) -> None:
    """No trial is lost, none is there twice, and the command of each ran once from its beginning to its end."""
    rows = trials(server, group)
    assert {row["last_status"] for row in rows} == {"succeeded"}
    wanted = Counter((str(row["params"]["lr"]), str(row["params"]["epochs"])) for row in rows)
    assert set(wanted.values()) == {1}
    found: dict[str, Counter[tuple[str, str]]] = {"begun": Counter(), "ended": Counter()}
    for file in Path(server.folder, f"outputs/admin/p/groups/{group}").glob("*/trace"):
        for line in file.read_text().splitlines():
            what, *trial = line.split()
            found[what][(trial[0], trial[1])] += 1
    assert found == {"begun": wanted, "ended": wanted}
