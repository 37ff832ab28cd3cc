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

# Logs until it is told that it is enough; notes how far it is, and in the end what its calls took: of the processor's
# time on average, and on the clock what nine of ten took at most. The tenth may have lost the processor to a server.
TRAINING = """
import json, os, sys, time
from pathlib import Path
from polyaxon_client.tracking import Experiment

outputs = Path(sys.argv[1])
experiment = Experiment() if sys.argv[2] == "managed" else Experiment(project="p").create(name="outside")
(outputs / "id").write_text(str(experiment.experiment_id))
took, work, step = [], 0.0, 0
while not (outputs / "enough").exists():
    begun, used = time.perf_counter(), time.thread_time()
    experiment.log_metrics(step=step, loss=step / 8, square=step * step)
    took.append(time.perf_counter() - begun)
    work += time.thread_time() - used
    if step % 10 == 0:
        (outputs / "steps.part").write_text(str(step))
        (outputs / "steps.part").rename(outputs / "steps")
    if step % 50 == 0:
        experiment.log_params(**{f"at-{step}": step})
    step += 1
    time.sleep(0.005)
experiment.log_tags("through")
noted = {"steps": step, "usual": sorted(took)[len(took) * 9 // 10], "work": work / len(took)}
(outputs / "took.part").write_text(json.dumps(noted))
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


def crash(server: Server, times: int, outputs: Path) -> None:
    """Kill it, and start it again when the training has gone on without it."""
    for _ in range(times):
        time.sleep(random.uniform(0.4, 1.5))
        server.kill()
        wait_for_steps(outputs, steps(outputs) + 100)
        time.sleep(random.uniform(0.0, 0.5))
        server.start()


def steps(outputs: Path) -> int:
    return int(wait_for_file(outputs / "steps"))


def wait_for_steps(outputs: Path, count: int, seconds: float = 30.0) -> None:
    """Which a training would not do in this time that waits for a server with every call."""
    deadline = time.monotonic() + seconds
    while steps(outputs) < count:
        assert time.monotonic() < deadline, f"{steps(outputs)} of {count} steps"
        time.sleep(0.05)


def wait_for_file(file: Path, seconds: float = 90.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and file.read_text():
            return file.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{file} did not appear")


def managed_training(person: Person, *, interval: str) -> tuple[int, Path]:
    """Start the training on the platform; its id and its outputs folder once it logs."""
    settings = f"POLYAXON_INTERVAL={interval} POLYAXON_TIMEOUT=120"
    command = f"{settings} python train.py $POLYAXON_RUN_OUTPUTS_PATH managed"
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
    assert noted["work"] < 0.002
    assert noted["usual"] < 0.05


@pytest.mark.timeout(400)
def test_a_managed_run(crashing: Server, person: Person) -> None:
    number, outputs = managed_training(person, interval="0.02")
    crash(crashing, 3, outputs)
    wait_for_steps(outputs, 250)
    (outputs / "enough").touch()
    noted = json.loads(wait_for_file(outputs / "took"))
    crashing.wait_for(f"admin/p/experiments/{number}", {"succeeded", "failed", "stopped"})
    statuses = [row["status"] for row in person.get(f"admin/p/experiments/{number}/statuses")["results"]]
    assert (statuses.count("running"), statuses[-1]) == (1, "succeeded")
    check(person, number, noted)


@pytest.mark.timeout(400)
def test_a_run_outside_of_the_platform(crashing: Server, person: Person) -> None:
    outputs = person.work / "out"
    outputs.mkdir()
    settings = {"POLYAXON_INTERVAL": "0.02", "POLYAXON_TIMEOUT": "120"}
    process = person.script(person.work / "train.py", str(outputs), "outside", **settings)
    try:
        number = int(wait_for_file(outputs / "id"))
        crash(crashing, 3, outputs)
        wait_for_steps(outputs, 250)
        (outputs / "enough").touch()
        said, _ = process.communicate(timeout=150)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert person.get(f"admin/p/experiments/{number}")["last_status"] == "succeeded"
    check(person, number, json.loads((outputs / "took").read_text()))


@pytest.mark.timeout(400)
def test_a_run_that_ends_while_the_server_is_away(crashing: Server, person: Person) -> None:
    number, outputs = managed_training(person, interval="0.2")
    wait_for_steps(outputs, 250)
    crashing.kill()
    (outputs / "enough").touch()
    noted = json.loads(wait_for_file(outputs / "took"))
    # Training is over; the process holds on to its last points for a while.
    time.sleep(2)
    crashing.start()
    crashing.wait_for(f"admin/p/experiments/{number}", {"succeeded", "failed", "stopped"})
    check(person, number, noted)
