"""Measure the API over HTTP, on SQLite and on Postgres. `python -m bench.server [--quick] [--only sqlite|postgres]`."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.client import Client
from bench.load import Figure, listing, points_in_batches, runs_created, single_points
from tests.embedded.server import ROOT, Server, postgres_environment


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done for one figure."""

    seconds: float
    listed_runs: int
    listings: int


FULL = Size(seconds=8, listed_runs=10_000, listings=60)
QUICK = Size(seconds=2, listed_runs=500, listings=10)


@contextmanager
def sqlite_server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "data", **UNTHROTTLED)
    try:
        yield server.start()
    finally:
        server.close()


@contextmanager
def postgres_server(folder: Path) -> Iterator[Server]:
    from tests.services.postgres import Postgres  # noqa: PLC0415 - needs Debian's packages

    with Postgres(settings={"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}) as postgres:
        server = Server(folder / "data", **postgres_environment(postgres.url), **UNTHROTTLED)
        try:
            yield server.start()
        finally:
            server.close()


UNTHROTTLED = {f"POLYAXON_THROTTLE_RATES_{rate}": "100000000" for rate in ("USER", "HIGH")}
BACKENDS: dict[str, Callable[[Path], contextmanager[Server]]] = {  # type: ignore[type-arg]
    "sqlite": sqlite_server,
    "postgres": postgres_server,
}


def measure(name: str, size: Size) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="polyaxon-bench-") as folder,
        BACKENDS[name](Path(folder)) as server,
    ):
        client = Client(server.port, server.token)
        client.call("POST", "/api/v1/projects", {"name": "bench"})
        figures = []
        for clients in (1, 8):
            figures.append(points_in_batches(server.port, server.token, clients, size.seconds))
            figures.append(single_points(server.port, server.token, clients, size.seconds))
        figures.append(runs_created(server.port, server.token, 1, size.seconds))
        figures.append(runs_created(server.port, server.token, 8, size.seconds))
        seed(server, size.listed_runs)
        figures += listing(Client(server.port, server.token), size.listed_runs, size.listings)
        return figures


def seed(server: Server, runs: int) -> None:
    command = [sys.executable, "-m", "bench.seed", str(runs)]
    subprocess.run(command, env=server.environment, cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    parser.add_argument("--only", choices=sorted(BACKENDS))
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    names = [options.only] if options.only else list(BACKENDS)
    results = {name: measure(name, size) for name in names}
    print(f"Python {platform.python_version()}, {size.seconds:g} s a figure\n")
    print(f"| figure | {' | '.join(names)} |")
    print("|---|" + "---|" * len(names))
    for place, figure in enumerate(results[names[0]]):
        print(f"| {figure.name} | {' | '.join(results[name][place].shown() for name in names)} |")


if __name__ == "__main__":
    main()
