"""Lists, details and histories of a project with 100,000 experiments, on Postgres: `python -m bench.scale`."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg2

from bench.backends import DURABLE, server_on
from bench.ours import RUNS, Ours
from tests.services.postgres import Postgres

EXPERIMENTS, TIMES = 100_000, 40
SERIES = ("loss", "accuracy", "f1", "recall", "ranked")
LONG = 10_000

# Each of 100 rows, as the dashboard and the command line tool ask for them.
LISTS: dict[str, dict[str, str]] = {
    "newest": {},
    "last changed": {"sort": "-updated_at"},
    "oldest": {"sort": "created_at"},
    "page in the middle": {"offset": "50000"},
    "by start": {"sort": "-started_at"},
    "by end": {"sort": "-finished_at"},
    "running": {"query": "status:running"},
    "not running": {"query": "status:~running"},
    "of several statuses": {"query": "status:running|failed"},
    "by status, by user": {"query": "status:succeeded,user.username:admin"},
    "of a day": {"query": "created_at:2024-01-03"},
    "between days": {"query": "started_at:2024-01-03..2024-01-05"},
    "by a param, equal": {"query": "params.p1:7"},
    "by a param, one of": {"query": "params.p2:77|777"},
    "by a param, none of": {"query": "params.p1:~7"},
    "by a tag": {"query": "tags:tag3"},
    "by a name's start": {"query": "name:run-99%"},
    "by a name's part": {"query": "name:%777%"},
    "by a metric, few": {"query": "metrics.loss:<0.001"},
    "by a metric, most": {"query": "metrics.loss:>0.1"},
    "by two metrics": {"query": "metrics.loss:<0.5,metrics.accuracy:>0.5"},
    "by a metric's smallest": {"query": "metric_min.loss:<0.01"},
    "sorted by a metric": {"sort": "-metrics.ranked"},
    "sorted by a metric, up": {"sort": "metric.ranked"},
    "filtered and sorted by metrics": {"query": "metrics.accuracy:>0.9", "sort": "metrics.loss"},
    "filtered by status, sorted by a metric": {"query": "status:succeeded", "sort": "-metrics.accuracy"},
    "independent": {"independent": "true"},
}


@dataclass(frozen=True, slots=True)
class Timing:
    name: str
    median: float
    p95: float
    goal: float

    def shown(self) -> str:
        met = "" if self.p95 <= self.goal else " (missed)"
        return f"| {self.name} | {self.median:.1f} | {self.p95:.1f} | {self.goal:g}{met} |"


def seed(url: str, experiments: int) -> None:
    """Written by the database itself: a hundred thousand experiments, five params and five series each."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(_EXPERIMENTS, {"count": experiments})
        for place, name in enumerate(SERIES):
            cursor.execute(_SERIES, {"name": name, "place": place, "count": experiments})
        cursor.execute(_POINTS, {"count": LONG})
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


_EXPERIMENTS = """
INSERT INTO db_experiment (created_at, updated_at, name, tags, deleted, uuid, status, status_message, started_at,
                           finished_at, user_id, project_id, is_managed, attempt, max_retries, retries,
                           retries_failures, priority, params)
SELECT moment, moment + n * INTERVAL '1 second',
       'run-' || n, jsonb_build_array('tag' || n %% 20, 'all'), FALSE, gen_random_uuid(),
       (ARRAY['succeeded', 'succeeded', 'succeeded', 'failed', 'running', 'stopped'])[1 + n %% 6], '',
       moment + INTERVAL '1 minute', moment + INTERVAL '1 hour',
       project.user_id, project.id, FALSE, 0, 0, 0, FALSE, 0,
       jsonb_build_object('p1', n %% 1000, 'p2', (n * 7919::bigint) %% 100003, 'p3', n * 0.001,
                          'p4', 'adam', 'p5', n %% 2)
FROM generate_series(1, %(count)s) n
CROSS JOIN LATERAL (SELECT TIMESTAMPTZ '2024-01-01 00:00+00' + n * INTERVAL '6 seconds' AS moment) made
CROSS JOIN db_project project WHERE project.name = 'bench'
"""
_SERIES = """
INSERT INTO db_metricseries (run, experiment_id, project_id, kind, name, count, last, last_step, last_time,
                             min, min_step, max, max_step)
SELECT run.uuid, run.id, run.project_id, 'metric', %(name)s, 100, value, 99, run.finished_at,
       value / 2, 50, value * 2, 0
FROM (
  SELECT uuid, id, project_id, finished_at,
         ((id * (7919 + 104729 * %(place)s::bigint)) %% %(count)s) / %(count)s::float8 AS value
  FROM db_experiment
) run
"""
_POINTS = """
INSERT INTO db_metricpoint (series_id, step, time, value)
SELECT (SELECT MIN(id) FROM db_metricseries WHERE name = 'loss'), n,
       TIMESTAMPTZ '2024-01-01 00:00+00' + n * INTERVAL '1 second',
       1.0 / n + 0.1 * sin(n)
FROM generate_series(1, %(count)s) n
"""


def measure(url: str, folder: Path, experiments: int, times: int) -> list[Timing]:
    with server_on(url, folder) as server:
        ours = Ours(server.port, server.token)
        ours.client.call("POST", "/api/v1/projects", {"name": "bench"})
        seed(url, experiments)
        timings = [
            _timed(f"list: {name}", ours, f"{RUNS}?{urlencode({'limit': '100', **asked})}", times, 100)
            for name, asked in LISTS.items()
        ]
        first = ours.client.call("GET", f"{RUNS}?sort=created_at&limit=1")["results"][0]["id"]
        one = f"{RUNS}/{first}"
        for name, path in (("experiment", one), ("project", "/api/v1/admin/bench"), ("statuses", f"{one}/statuses")):
            timings.append(_timed(f"detail: {name}", ours, path, times, 30))
        for method in ("minmax", "last", "lttb"):
            path = f"{one}/metrics/history?name=loss&points=1000&method={method}"
            timings.append(_timed(f"history of {LONG:,} points as 1,000, {method}", ours, path, times, 60))
        return timings


def _timed(name: str, ours: Ours, path: str, times: int, goal: float) -> Timing:
    taken = []
    ours.client.send("GET", path)
    for _ in range(times):
        begin = time.perf_counter()
        ours.client.send("GET", path)
        taken.append((time.perf_counter() - begin) * 1000)
    return Timing(name, statistics.median(taken), statistics.quantiles(taken, n=20)[-1], goal)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it works")
    quick = parser.parse_args(arguments).quick
    experiments, times = (2_000, 5) if quick else (EXPERIMENTS, TIMES)
    with tempfile.TemporaryDirectory(prefix="polyaxon-bench-") as folder, Postgres(settings=DURABLE) as postgres:
        timings = measure(postgres.url, Path(folder) / "server", experiments, times)
    print(f"{experiments:,} experiments in one project, {times} times each, one client, in ms\n")
    print("| request | median | p95 | goal |\n|---|---|---|---|")
    print("\n".join(timing.shown() for timing in timings))


if __name__ == "__main__":
    main()
