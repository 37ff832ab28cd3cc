"""Our tracking client beside MLflow's, each with its own server on one Postgres, in turns.

`python -m bench.tracking [--quick]`. A loop logs four values a call: what a call costs the loop, and how many points a
second reach the server until all are there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import mlflow
from bench.api import database_url
from bench.backends import DURABLE, server_on
from bench.loop import SERIES
from bench.mlflow import MLflow, mlflow_server
from bench.ours import RUNS, Ours
from tests.embedded.server import ROOT, Server
from tests.services.postgres import Postgres

LOOP = Path(__file__).with_name("loop.py")
GOAL_THROUGHPUT, GOAL_COST, GOAL_MICROSECONDS = 10, 1, 20


@dataclass(frozen=True, slots=True)
class Size:
    """Calls of a loop, which also ends after `seconds`; `rounds` of all loops in turns."""

    ours: int
    asynchronous: int
    buffered: int
    synchronous: int
    seconds: float
    rounds: int


# Sized so that each loop takes some seconds: a queue that fills for longer only waits for longer.
FULL = Size(ours=100_000, asynchronous=300, buffered=6_000, synchronous=100_000, seconds=8, rounds=3)
QUICK = Size(ours=20_000, asynchronous=300, buffered=2_000, synchronous=100_000, seconds=2, rounds=1)
# Seconds for which its asynchronous mode collects calls into a batch, if it is told to: as long as ours does.
BUFFERING = "1"


@dataclass(frozen=True, slots=True)
class Loop:
    """What one loop took: seconds of a call, and points a second from the first call until all had arrived."""

    median: float
    p99: float
    rate: float


class OurClient:
    name = "ours"

    def __init__(self, server: Server, scratch: Path) -> None:
        self.reader = Ours(server.port, server.token).client
        kept = {key: value for key, value in os.environ.items() if not key.startswith("POLYAXON_")}
        self.environment = {
            **kept,
            "HOME": str(scratch),
            "PYTHONPATH": str(ROOT / "client"),
            "POLYAXON_API_HOST": "127.0.0.1",
            "POLYAXON_HTTP_PORT": str(server.port),
            "POLYAXON_SECRET_USER_TOKEN": server.token,
        }

    def run(self, calls: int, seconds: float) -> Loop:
        return _loop(sys.executable, "ours", calls, seconds, self.environment, self.count)

    def count(self, run: str) -> int:
        """Points of the run at the server."""
        rows = self.reader.call("GET", f"{RUNS}/{run}/metrics/series")["results"]
        return sum(row["count"] for row in rows)


class TheirClient:
    def __init__(self, folder: Path, port: int, experiment: str, *, mode: str, buffered: bool = False) -> None:
        self.name = f"MLflow, {mode}{', buffered' if buffered else ''}"
        self.mode = mode
        self.python = str(folder / "bin" / "python")
        self.subject = MLflow(port, experiment)
        self.environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
            "MLFLOW_EXPERIMENT_ID": experiment,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            **({"MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS": BUFFERING} if buffered else {}),
        }

    def run(self, calls: int, seconds: float) -> Loop:
        return _loop(self.python, self.mode, calls, seconds, self.environment, self.count)

    def count(self, run: str) -> int:
        return SERIES * self.subject.history(run)


def _loop(python: str, which: str, calls: int, seconds: float, environment: dict[str, str], count: Any) -> Loop:
    done = subprocess.run(
        [python, "-P", str(LOOP), which, str(calls), str(seconds)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{which}: {done.stderr[-2000:]}")
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    arrived = count(found["run"])
    if arrived != found["points"]:
        raise RuntimeError(f"{which}: {arrived} of {found['points']} points arrived")
    return Loop(found["median"], found["p99"], found["points"] / found["seconds"])


def compare(size: Size, folder: Path) -> dict[str, Loop]:
    """The median of each figure over the rounds, by client."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="polyaxon-bench-")))
        postgres = stack.enter_context(Postgres(settings=DURABLE))
        server = stack.enter_context(server_on(database_url(postgres.url, "ours"), scratch / "ours"))
        port, _ = stack.enter_context(mlflow_server(folder, database_url(postgres.url, "theirs"), scratch / "theirs"))
        Ours(server.port, server.token).client.call("POST", "/api/v1/projects", {"name": "bench"})
        experiment = MLflow(port).experiment
        clients: list[tuple[OurClient | TheirClient, int]] = [
            (OurClient(server, scratch), size.ours),
            (TheirClient(folder, port, experiment, mode="async"), size.asynchronous),
            (TheirClient(folder, port, experiment, mode="async", buffered=True), size.buffered),
            (TheirClient(folder, port, experiment, mode="sync"), size.synchronous),
        ]
        taken: dict[str, list[Loop]] = {client.name: [] for client, _ in clients}
        for _ in range(size.rounds):
            for client, calls in clients:
                taken[client.name].append(client.run(calls, size.seconds))
    return {name: _median(loops) for name, loops in taken.items()}


def _median(loops: Sequence[Loop]) -> Loop:
    return Loop(
        *(statistics.median(getattr(loop, name) for loop in loops) for name in ("median", "p99", "rate")),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    size = QUICK if parser.parse_args(arguments).quick else FULL
    folder = mlflow.environment()
    found = compare(size, folder)
    print(f"Python {platform.python_version()}, MLflow {mlflow.version(folder)}, {size.rounds} rounds in turns\n")
    print(f"| of a loop that logs {SERIES} values a call | {' | '.join(found)} |")
    print("|---|" + "---|" * len(found))
    for name, cells in (
        ("a call costs the loop, median", [f"{loop.median * 1e6:,.1f} µs" for loop in found.values()]),
        ("the same, 99 of 100", [f"{loop.p99 * 1e6:,.1f} µs" for loop in found.values()]),
        ("points that reach the server", [f"{loop.rate:,.0f} /s" for loop in found.values()]),
    ):
        print(f"| {name} | {' | '.join(cells)} |")
    own, *others = found.values()
    times = min(own.rate / other.rate for other in others)
    share = own.median / min(other.median for other in others)
    print(f"\nThroughput {times:.1f} times the best of MLflow's (goal ≥ {GOAL_THROUGHPUT}); a call costs ", end="")
    print(f"{share:.3f} of what it does in the cheapest of its modes (goal ≤ {GOAL_COST}; ≤ {GOAL_MICROSECONDS} µs).")


if __name__ == "__main__":
    main()
