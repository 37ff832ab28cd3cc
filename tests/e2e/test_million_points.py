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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
CALLS, SERIES, CRASHES = 250_000, 4, 10

# Some 5,000 calls a second: the last of them comes about when the server is started for the last time.
TRAINING = """
import json, sys, time
from polyaxon_client.tracking import Experiment

calls = int(sys.argv[1])
experiment = Experiment("p", track_env=False, track_code=False).create()
print(experiment.experiment_id, flush=True)
slowest = 0.0
for step in range(calls):
    begun = time.perf_counter()
    experiment.log_metrics(step=step, a=step * 0.5, b=float(step), c=step / 8, d=-0.25 * step)
    slowest = max(slowest, time.perf_counter() - begun)
    if step % 100 == 0:
        time.sleep(0.02)
print(json.dumps({"slowest": slowest}), flush=True)
"""


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    try:
        yield server.start()
    finally:
        server.close()


def crash(server: Server) -> None:
    for _ in range(CRASHES):
        time.sleep(random.uniform(0.5, 3.0))
        server.kill()
        time.sleep(random.uniform(0.0, 2.0))
        server.start()


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
    process = person.script(person.work / "train.py", str(CALLS), POLYAXON_TIMEOUT="120")
    try:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        crash(crashing)
        said, _ = process.communicate(timeout=180)
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
    # One call may lose the processor to a starting server, or put what waits on disk; none waits for an answer.
    noted = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert noted["slowest"] < 5.0
    # Nothing is left behind.
    assert list((person.home / ".polyaxon" / "spool").glob("*")) == []
