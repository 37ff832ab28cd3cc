"""Our server on each database, as it ships, for the time of a benchmark."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.embedded.server import ROOT, Server, postgres_environment
from tests.services.postgres import Postgres

UNTHROTTLED = {f"POLYAXON_THROTTLE_RATES_{rate}": "100000000" for rate in ("USER", "HIGH")}
# What a careful administrator would not turn off.
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}


@contextmanager
def sqlite_server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "data", **UNTHROTTLED)
    try:
        yield server.start()
    finally:
        server.close()


@contextmanager
def postgres_server(folder: Path) -> Iterator[Server]:
    with Postgres(settings=DURABLE) as postgres, server_on(postgres.url, folder) as server:
        yield server


@contextmanager
def server_on(url: str, folder: Path) -> Iterator[Server]:
    """A server on the Postgres at `url`."""
    folder.mkdir(exist_ok=True)
    server = Server(folder / "data", **postgres_environment(url), **UNTHROTTLED)
    try:
        yield server.start()
    finally:
        server.close()


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "sqlite": sqlite_server,
    "postgres": postgres_server,
}


def seed(server: Server, runs: int) -> None:
    """Fill the project `bench` with runs that have params and metrics."""
    command = [sys.executable, "-m", "bench.seed", str(runs)]
    subprocess.run(command, env=server.environment, cwd=ROOT, check=True)
