"""The loads. Clients are processes, so that they share no interpreter lock with each other."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from urllib.parse import quote

from bench.client import Client
from bench.ours import RUNS, Ours
from bench.subject import BATCH


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    unit: str

    def shown(self) -> str:
        return f"{self.value:,.0f} {self.unit}" if self.value >= 100 else f"{self.value:,.1f} {self.unit}"


def points_in_batches(port: int, token: str, clients: int, seconds: float) -> Figure:
    done = _in_processes(_send_batches, port, token, clients, seconds)
    return Figure(f"points in batches of 1,000, {_clients(clients)}", done * BATCH / seconds, "points/s")


def single_points(port: int, token: str, clients: int, seconds: float) -> Figure:
    done = _in_processes(_send_points, port, token, clients, seconds)
    return Figure(f"single points, {_clients(clients)}", done / seconds, "points/s")


def runs_created(port: int, token: str, clients: int, seconds: float) -> Figure:
    done = _in_processes(_create_runs, port, token, clients, seconds)
    return Figure(f"runs created, {_clients(clients)}", done / seconds, "runs/s")


def _clients(number: int) -> str:
    return f"{number} client{'s' if number > 1 else ''}"


Load = Callable[[Client, float], int]


def _in_processes(load: Load, port: int, token: str, clients: int, seconds: float) -> int:
    context = multiprocessing.get_context("spawn")
    results: Queue[int] = context.Queue()
    start = time.time() + 1.0
    processes = [
        context.Process(target=_work, args=(load, port, token, start, seconds, results)) for _ in range(clients)
    ]
    for process in processes:
        process.start()
    counts = [results.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join()
    return sum(counts)


def _work(load: Load, port: int, token: str, start: float, seconds: float, results: Queue[int]) -> None:
    client = Ours(port, token).client
    time.sleep(max(0.0, start - time.time()))
    results.put(load(client, time.perf_counter() + seconds))


def _new_run(client: Client) -> int:
    return int(client.call("POST", RUNS, {"is_managed": False})["id"])


def _send_batches(client: Client, until: float) -> int:
    path = f"{RUNS}/{_new_run(client)}/metrics"
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    # 250 rows of 4 series: what a training loop sends, and 1,000 points.
    rows = [
        {
            "values": {"loss": 1 / (n + 1), "accuracy": n / 250, "lr": 0.001 * n, "grad_norm": 3.0 + n},
            "created_at": str(begin + timedelta(seconds=n)),
        }
        for n in range(BATCH // 4)
    ]
    body = json.dumps(rows).encode()
    sent = 0
    while time.perf_counter() < until:
        client.send("POST", path, body)
        sent += 1
    return sent


def _send_points(client: Client, until: float) -> int:
    path = f"{RUNS}/{_new_run(client)}/metrics"
    sent = 0
    while time.perf_counter() < until:
        client.send("POST", path, json.dumps({"values": {"loss": 1 / (sent + 1)}}).encode())
        sent += 1
    return sent


def _create_runs(client: Client, until: float) -> int:
    body = json.dumps({"is_managed": False, "params": {"lr": 0.1, "layers": 3}, "tags": ["bench"]}).encode()
    created = 0
    while time.perf_counter() < until:
        client.send("POST", RUNS, body)
        created += 1
    return created


def listing(client: Client, runs: int, times: int) -> list[Figure]:
    """p50 and p95 of a page of 100 runs, filtered and sorted by a metric, among the `runs` that were seeded."""
    query = quote(f"metric.ranked:>={runs // 2}")
    path = f"{RUNS}?query={query}&sort=-metric.ranked&limit=100"
    page = client.call("GET", path)
    ranks = [row["last_metric"]["ranked"] for row in page["results"]]
    if ranks != sorted(ranks, reverse=True) or page["count"] != runs - runs // 2:
        raise RuntimeError(f"the listing is wrong: {page['count']} rows, first {ranks[:5]}")
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        client.send("GET", path)
        taken.append((time.perf_counter() - begin) * 1000)
    name = f"page of 100 of {runs:,} runs, filtered and sorted by a metric"
    return [
        Figure(f"{name}, p50", statistics.median(taken), "ms"),
        Figure(f"{name}, p95", statistics.quantiles(taken, n=20)[-1], "ms"),
    ]
