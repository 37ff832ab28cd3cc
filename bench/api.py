"""The REST interface beside MLflow's, on one Postgres server, in turns. `python -m bench.api [--quick]`."""

from __future__ import annotations

import argparse
import io
import multiprocessing
import platform
import struct
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from bench import mlflow
from bench.backends import DURABLE, seed, server_on
from bench.memory import tree_bytes
from bench.mlflow import MLflow, mlflow_server
from bench.ours import Ours
from bench.subject import BATCH, PAGE, SERIES, Subject
from tests.embedded.server import Server
from tests.services.postgres import Postgres

MIB = 1024 * 1024
SAMPLED = 1000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: each operation `seconds` long in each of the `rounds`."""

    seconds: float
    rounds: int
    runs: int
    points: int


FULL = Size(seconds=3, rounds=4, runs=10_000, points=100_000)
QUICK = Size(seconds=1, rounds=2, runs=1_000, points=4_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: more of `unit` is better, or less if `falling`."""

    name: str
    ours: float
    peer: float
    unit: str
    goal: str
    falling: bool = False

    def shown(self) -> str:
        ratio = self.peer / self.ours if self.falling else self.ours / self.peer
        ours, peer = (f"{_number(value)} {self.unit}" for value in (self.ours, self.peer))
        return f"| {self.name} | {ours} | {peer} | {ratio:.1f} | {self.goal} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


Act = Callable[[int], object]


def in_turns(acts: Sequence[Act], size: Size) -> list[float]:
    """Times a second that each of `acts` can be done. They get a running number, the first before the clock runs."""
    done, taken = [0] * len(acts), [0.0] * len(acts)
    for place, act in enumerate(acts):
        act(done[place])
        done[place] += 1
    counted = list(done)
    for _ in range(size.rounds):
        for place, act in enumerate(acts):
            begin = time.perf_counter()
            while time.perf_counter() < begin + size.seconds:
                act(done[place])
                done[place] += 1
            taken[place] += time.perf_counter() - begin
    return [(number - before) / seconds for number, before, seconds in zip(done, counted, taken, strict=True)]


@dataclass(frozen=True, slots=True)
class Pair:
    """Our server and its peer, how to reach either anew, and where their tables are."""

    connect: Mapping[str, Callable[[], Subject]]
    url: str

    def both(self) -> list[Subject]:
        return [connect() for connect in self.connect.values()]


def writes(pair: Pair, size: Size) -> list[Row]:
    subjects = pair.both()
    created = in_turns([lambda _, one=one: one.create_run() for one in subjects], size)  # type: ignore[misc]
    runs = [one.create_run() for one in subjects]
    single = in_turns(
        [lambda step, one=one, run=run: one.log_point(run, step) for one, run in zip(subjects, runs, strict=True)],  # type: ignore[misc]
        size,
    )
    return [
        Row("runs created", *created, "/s", "≥ 5"),
        Row("single points", *single, "/s", "≥ 5"),
        *batches(pair, size),
    ]


def batches(pair: Pair, size: Size) -> list[Row]:
    """Batches over HTTP, from one client and from eight, and what one connection can COPY, in turns."""
    copy = Copy(pair.url)
    names = [*pair.connect]
    rates: dict[tuple[str, int], list[float]] = {(name, clients): [] for name in names for clients in (1, 8)}
    limits: list[float] = []
    for _ in range(size.rounds):
        for (name, clients), found in rates.items():
            found.append(_points_per_second(pair.connect[name], clients, size.seconds))
        limits.append(copy.points_per_second(size.seconds))
    copy.close()
    limit = _mean(limits)
    rows = []
    for clients in (1, 8):
        ours, peer = (_mean(rates[name, clients]) for name in names)
        rows.append(Row(f"points in batches of {BATCH:,}, {_clients(clients)}", ours, peer, "/s", "≥ 10"))
    for clients, goal in ((1, "≥ 0.5"), (8, "≥ 0.6")):
        ours = _mean(rates[names[0], clients])
        rows.append(
            Row(f"the same, {_clients(clients)}, beside bare COPY (in the peer's place)", ours, limit, "/s", goal)
        )
    return rows


def _clients(number: int) -> str:
    return f"{number} client{'s' if number > 1 else ''}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _points_per_second(connect: Callable[[], Subject], clients: int, seconds: float) -> float:
    context = multiprocessing.get_context("fork")
    ready, go = context.Semaphore(0), context.Event()
    results: multiprocessing.Queue[int] = context.Queue()
    arguments = (connect, seconds, ready, go, results)
    children = [context.Process(target=_send_batches, args=arguments) for _ in range(clients)]
    for child in children:
        child.start()
    for _ in children:
        ready.acquire()
    begin = time.perf_counter()
    go.set()
    sent = sum(results.get(timeout=seconds + 120) for _ in children)
    taken = time.perf_counter() - begin
    for child in children:
        child.join()
    return sent * BATCH / taken


def _send_batches(connect: Callable[[], Subject], seconds: float, ready, go, results) -> None:  # type: ignore[no-untyped-def]
    subject = connect()
    run = subject.create_run()
    bodies = [subject.batch(run, number * BATCH // SERIES) for number in range(int(200 * seconds))]
    ready.release()
    go.wait()
    until, sent = time.perf_counter() + seconds, 0
    while time.perf_counter() < until and sent < len(bodies):
        subject.log_batch(run, bodies[sent])
        sent += 1
    results.put(sent)


class Copy:
    """Batches into the table of points over one connection, each in a transaction of its own: no server in between."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url)
        # The binary format, which is the quickest that Postgres takes: each value with its length before it.
        rows = (struct.pack(">hiqiqiqid", 4, 8, -1 - n % SERIES, 8, n, 8, n * 10**6, 8, n * 0.5) for n in range(BATCH))
        self.data = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + b"\xff\xff"

    def points_per_second(self, seconds: float) -> float:
        statement = "COPY db_metricpoint (series_id, step, time, value) FROM STDIN (FORMAT binary)"
        begin, sent = time.perf_counter(), 0
        while time.perf_counter() < begin + seconds:
            with self.connection, self.connection.cursor() as cursor:
                cursor.copy_expert(statement, io.BytesIO(self.data))
            sent += 1
        return sent * BATCH / (time.perf_counter() - begin)

    def close(self) -> None:
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("DELETE FROM db_metricpoint WHERE series_id < 0")
        self.connection.close()


def reads(subjects: Sequence[Subject], size: Size) -> list[Row]:
    for one in subjects:
        ranks = one.page(size.runs)
        if len(ranks) != PAGE or ranks != [float(size.runs - 1 - place) for place in range(PAGE)]:
            raise RuntimeError(f"the page of {one.name} is wrong: {len(ranks)} rows, first {ranks[:5]}")
    runs = [_long_run(one, size.points) for one in subjects]
    pages = in_turns([lambda _, one=one: one.page(size.runs) for one in subjects], size)  # type: ignore[misc]
    pairs = list(zip(subjects, runs, strict=True))
    raw = in_turns([lambda _, one=one, run=run: one.history(run) for one, run in pairs], size)  # type: ignore[misc]
    fewer = in_turns([lambda _, one=one, run=run: one.sampled(run, SAMPLED) for one, run in pairs], size)  # type: ignore[misc]
    return [
        _milliseconds(f"{PAGE} full rows of {size.runs:,} runs, filtered and sorted by a metric", pages, "≥ 5"),
        _milliseconds(f"history of {size.points:,} points, every one", raw, "> 1"),
        _milliseconds(f"history of {size.points:,} points, about {SAMPLED:,} of them", fewer, "> 1"),
    ]


def _milliseconds(name: str, rates: Sequence[float], goal: str) -> Row:
    ours, peer = (1000 / rate for rate in rates)
    return Row(name, ours, peer, "ms", goal, falling=True)


def _long_run(subject: Subject, points: int) -> str:
    """A run with `points` points in its series `m0`."""
    run = subject.create_run()
    for number in range(points * SERIES // BATCH):
        subject.log_batch(run, subject.batch(run, number * BATCH // SERIES))
    found = subject.history(run)
    if found != points:
        raise RuntimeError(f"{subject.name} holds {found} points of {points}")
    return run


def compare(size: Size, peer: Path, *, only_reads: bool = False) -> list[Row]:
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="polyaxon-bench-")))
        postgres = stack.enter_context(Postgres(settings=DURABLE))
        own_url, peer_url = (database_url(postgres.url, name) for name in ("ours", "mlflow"))
        server = stack.enter_context(server_on(own_url, scratch / "server"))
        port, process = stack.enter_context(mlflow_server(peer, peer_url, scratch / "mlflow"))
        ours = Ours(server.port, server.token)
        ours.client.call("POST", "/api/v1/projects", {"name": "bench"})
        other = MLflow(port)
        pair = Pair(
            {"ours": lambda: Ours(server.port, server.token), "peer": lambda: MLflow(port, other.experiment)}, own_url
        )
        processes = (_pid(server), process)
        rest = [tree_bytes(one) / MIB for one in processes]
        rows = [] if only_reads else writes(pair, size)
        seed(server, size.runs)
        mlflow.seed(peer_url, other.experiment, size.runs)
        for url in (own_url, peer_url):
            _analyze(url)
        rows += reads(pair.both(), size)
        after = [tree_bytes(one) / MIB for one in processes]
        return [
            *rows,
            Row("memory at rest", *rest, "MiB", "≥ 3", falling=True),
            Row("memory after all that", *after, "MiB", "≥ 3", falling=True),
        ]


def _pid(server: Server) -> int:
    assert server.process is not None
    return server.process.pid


def database_url(url: str, name: str) -> str:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    return f"{url.rpartition('/')[0]}/{name}"


def _analyze(url: str) -> None:
    """Both planners know what was written past them."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    parser.add_argument("--reads", action="store_true", help="only what reads")
    asked = parser.parse_args(arguments)
    size = QUICK if asked.quick else FULL
    peer = mlflow.environment()
    rows = compare(size, peer, only_reads=asked.reads)
    rounds = f"{size.rounds} rounds of {size.seconds:g} s"
    print(f"Python {platform.python_version()}, MLflow {mlflow.version(peer)}, {rounds}\n")
    print("| operation | ours | MLflow | ratio | goal |\n|---|---|---|---|---|")
    print("\n".join(row.shown() for row in rows))


if __name__ == "__main__":
    main()
