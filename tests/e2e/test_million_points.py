"""A million points, logged while the server is killed and started again ten times: all there, none twice."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.person import Person
from tests.embedded.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]
CALLS, SERIES, CRASHES = 250_000, 4, 10

# Some 5,000 calls a second: the last of them comes about when the server is started for the last time.
TRAINING = """
import json, sys, time
from pathlib import Path
from polyaxon_client.tracking import Experiment

calls, noted = int(sys.argv[1]), Path(sys.argv[2])
experiment = Experiment("p", track_env=False, track_code=False).create()
print(experiment.experiment_id, flush=True)
slow = 0
for step in range(calls):
    begun = time.perf_counter()
    experiment.log_metrics(step=step, a=step * 0.5, b=float(step), c=step / 8, d=-0.25 * step)
    slow += time.perf_counter() - begun > 0.1
    if step % 100 == 0:
        time.sleep(0.02)
    if step % 1000 == 0:
        noted.with_suffix(".part").write_text(str(step))
        noted.with_suffix(".part").rename(noted)
print(json.dumps({"slow": slow}), flush=True)
"""


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    try:
        yield server.start()
    finally:
        server.close()


def crash(server: Server, steps: Path) -> None:
    """Kill it, and start it again when the training, unless it is at its end, has gone on without it."""
    for _ in range(CRASHES):
        time.sleep(random.uniform(0.5, 3.0))
        server.kill()
        wait_for_steps(steps, min(step_of(steps) + 2000, CALLS - 1000))
        time.sleep(random.uniform(0.0, 1.0))
        server.start()


def step_of(steps: Path) -> int:
    return int(steps.read_text()) if steps.exists() else 0


def wait_for_steps(steps: Path, count: int) -> None:
    """A training that waits for a server with every call would not get there."""
    deadline = time.monotonic() + 60
    while step_of(steps) < count:
        assert time.monotonic() < deadline, f"{step_of(steps)} of {count} steps"
        time.sleep(0.05)


def points(person: Person, run: str, name: str) -> tuple[list[int], list[float]]:
    """All steps and values of a series, page by page."""
    steps: list[int] = []
    values: list[float] = []
    path = f"{run}/metrics/points?name={name}&limit=100000"
    while path:
        page = person.get(path)
        steps += page["steps"]
        values += page["values"]
        following = page["next"] and urlsplit(page["next"])
        path = following and f"{following.path.removeprefix('/api/v1/')}?{following.query}"
    return steps, values


def test_all_are_there_and_none_is_there_twice(crashing: Server, tmp_path: Path) -> None:
    person = Person(crashing, tmp_path).log_in()
    person.cli("project", "create", "--name=p")
    (person.work / "train.py").write_text(TRAINING)
    steps_noted = person.work / "steps"
    process = person.script(person.work / "train.py", str(CALLS), str(steps_noted), POLYAXON_TIMEOUT="240")
    try:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        crash(crashing, steps_noted)
        said, _ = process.communicate(timeout=360)
    finally:
        process.kill()
    assert process.returncode == 0, said
    run = f"admin/p/experiments/{number}"
    for name, factor in (("a", 0.5), ("b", 1.0), ("c", 0.125), ("d", -0.25)):
        steps, values = points(person, run, name)
        assert len(steps) == CALLS
        assert steps == list(range(CALLS))
        assert values == [step * factor for step in range(CALLS)]
    summaries = person.get(f"{run}/metrics/series")["results"]
    assert sum(row["count"] for row in summaries) == CALLS * SERIES == 1_000_000
    assert person.get(run)["last_status"] == "succeeded"
    # A call may lose the processor to a starting server, or put what waits on disk; none waits for an answer.
    noted = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert noted["slow"] < CALLS / 1000
    # Nothing is left behind.
    assert list((person.home / ".polyaxon" / "spool").glob("*")) == []
