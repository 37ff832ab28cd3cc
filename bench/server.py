"""Measure the API over HTTP, on SQLite and on Postgres. `python -m bench.server [--quick] [--only sqlite|postgres]`."""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.backends import BACKENDS, seed
from bench.load import Figure, listing, points_in_batches, runs_created, single_points
from bench.ours import Ours


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done for one figure."""

    seconds: float
    listed_runs: int
    listings: int


FULL = Size(seconds=8, listed_runs=10_000, listings=60)
QUICK = Size(seconds=2, listed_runs=500, listings=10)


def measure(name: str, size: Size) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="polyaxon-bench-") as folder,
        BACKENDS[name](Path(folder)) as server,
    ):
        Ours(server.port, server.token).client.call("POST", "/api/v1/projects", {"name": "bench"})
        figures = []
        for clients in (1, 8):
            figures.append(points_in_batches(server.port, server.token, clients, size.seconds))
            figures.append(single_points(server.port, server.token, clients, size.seconds))
        figures.append(runs_created(server.port, server.token, 1, size.seconds))
        figures.append(runs_created(server.port, server.token, 8, size.seconds))
        seed(server, size.listed_runs)
        figures += listing(Ours(server.port, server.token).client, size.listed_runs, size.listings)
        return figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    parser.add_argument("--only", choices=sorted(BACKENDS))
    options = parser.parse_args(arguments)
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
