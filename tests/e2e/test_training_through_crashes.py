"""The server is killed while training goes on: no exception, no slow-down, and every point arrives exactly once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.embedded.server import Server

pytestmark = pytest.mark.slow

# Logs until it is told that it is enough, and notes the longest time that a call took.
TRAINING = """
import json, os, sys, time
from pathlib import Path
from polyaxon_client.tracking import Experiment

outputs = Path(sys.argv[1])
experiment = Experiment() if sys.argv[2] == "managed" else Experiment(project="p").create(name="outside")
(outputs / "id").write_text(str(experiment.experiment_id))
took, step = [], 0
while not (outputs / "enough").exists():
    begun = time.perf_counter()
    experiment.log_metrics(step=step, loss=step / 8, square=step * step)
    took.append(time.perf_counter() - begun)
    if step % 50 == 0:
        experiment.log_params(**{f"at-{step}": step})
    step += 1
    time.sleep(0.005)
experiment.log_tags("through")
(outputs / "took.part").write_text(json.dumps({"steps": step, "slowest": max(took), "mean": sum(took) / len(took)}))
(outputs / "took.part").rename(outputs / "took")
"""


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def person(crashing: Server, tmp_path: Path) -> Person:
    someone = Person(crashing, tmp_path).log_in()
    someone.cli("project", "create", "--name=p")
    (someone.work / "train.py").write_text(TRAINING)
    return someone


def crash(server: Server, times: int) -> None:
    for _ in range(times):
        time.sleep(random.uniform(0.4, 1.5))
        server.kill()
        time.sleep(random.uniform(0.0, 1.0))
        server.start()


def wait_for_file(file: Path, seconds: float = 30.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and file.read_text():
            return file.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{file} did not appear")


def managed_training(person: Person, *, interval: str) -> tuple[int, Path]:
    """Start the training on the platform; its id and its outputs folder once it logs."""
    command = f"POLYAXON_INTERVAL={interval} python train.py $POLYAXON_RUN_OUTPUTS_PATH managed"
    (person.work / "run.yaml").write_text(f"version: 1\nkind: experiment\nrun:\n  cmd: {command}\n")
    person.cli("init", "admin/p", "-y")
    number = int(person.cli_json("run", "-f", "run.yaml", "-u")["id"])
    outputs = person.server.folder / "outputs/admin/p/experiments" / str(number)
    assert wait_for_file(outputs / "id") == str(number)
    return number, outputs


def check(person: Person, number: int, noted: dict[str, Any]) -> None:
    """Every point exactly once, and no call that waited for the server."""
    assert noted["steps"] > 200
    rows = person.history(f"admin/p/experiments/{number}")
    expected = [(step, {"loss": step / 8, "square": float(step * step)}) for step in range(noted["steps"])]
    assert [(row["step"], row["values"]) for row in rows] == expected
    shown = person.cli_json("experiment", "-p", "p", "-xp", str(number), "metrics")
    assert [row["step"] for row in shown] == list(range(noted["steps"]))
    detail = person.get(f"admin/p/experiments/{number}")
    assert detail["params"] == {f"at-{step}": step for step in range(0, noted["steps"], 50)}
    assert detail["tags"] == ["through"]
    assert noted["mean"] < 0.002
    # One call may lose the processor to a starting server; none waits for an answer.
    assert noted["slowest"] < 0.5


@pytest.mark.timeout(180)
def test_a_managed_run(crashing: Server, person: Person) -> None:
    number, outputs = managed_training(person, interval="0.02")
    crash(crashing, 3)
    (outputs / "enough").touch()
    noted = json.loads(wait_for_file(outputs / "took"))
    crashing.wait_for(f"admin/p/experiments/{number}", {"succeeded", "failed", "stopped"})
    statuses = [row["status"] for row in person.get(f"admin/p/experiments/{number}/statuses")["results"]]
    assert (statuses.count("running"), statuses[-1]) == (1, "succeeded")
    check(person, number, noted)


@pytest.mark.timeout(180)
def test_a_run_outside_of_the_platform(crashing: Server, person: Person) -> None:
    outputs = person.work / "out"
    outputs.mkdir()
    process = person.script(person.work / "train.py", str(outputs), "outside", POLYAXON_INTERVAL="0.02")
    try:
        number = int(wait_for_file(outputs / "id"))
        crash(crashing, 3)
        (outputs / "enough").touch()
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert person.get(f"admin/p/experiments/{number}")["last_status"] == "succeeded"
    check(person, number, json.loads((outputs / "took").read_text()))


@pytest.mark.timeout(120)
def test_a_run_that_ends_while_the_server_is_away(crashing: Server, person: Person) -> None:
    number, outputs = managed_training(person, interval="0.2")
    time.sleep(2)
    crashing.kill()
    (outputs / "enough").touch()
    noted = json.loads(wait_for_file(outputs / "took"))
    # Training is over; the process holds on to its last points for a while.
    time.sleep(2)
    crashing.start()
    crashing.wait_for(f"admin/p/experiments/{number}", {"succeeded", "failed", "stopped"})
    check(person, number, noted)
