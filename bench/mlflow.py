"""MLflow's tracking server as a subject: the newest release, in an environment of its own, on the same Postgres."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg2
from psycopg2.extras import execute_values

from bench.client import Client
from bench.seed import values
from bench.subject import BATCH, PAGE, SERIES
from scripts import processes
from tests.embedded.server import free_port

API = "/api/2.0/mlflow"
START = 1_700_000_000_000  # milliseconds
HISTORY_PAGE = 25_000  # the most that it gives at once
START_TIMEOUT = 120.0
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


class MLflow:
    name = "MLflow"

    def __init__(self, port: int, experiment: str = "") -> None:
        self.client = Client(port)
        self.experiment = experiment or self._call("experiments/create", name="bench")["experiment_id"]

    def create_run(self) -> str:
        # Without params, which would take a second request.
        made = self._call(
            "runs/create",
            experiment_id=self.experiment,
            start_time=time.time_ns() // 10**6,
            tags=[{"key": "bench", "value": "1"}],
        )
        return str(made["run"]["info"]["run_id"])

    def log_point(self, run: str, step: int) -> None:
        moment = time.time_ns() // 10**6
        self._call("runs/log-metric", run_id=run, key="loss", value=1 / (step + 1), timestamp=moment, step=step)

    def batch(self, run: str, first_step: int) -> bytes:
        metrics = [
            {"key": f"m{place}", "value": step * 0.5 + place, "timestamp": START + step * 1000, "step": step}
            for step in range(first_step, first_step + BATCH // SERIES)
            for place in range(SERIES)
        ]
        return json.dumps({"run_id": run, "metrics": metrics}).encode()

    def log_batch(self, run: str, body: bytes) -> None:
        del run  # the body names it
        self.client.send("POST", f"{API}/runs/log-batch", body)

    def page(self, runs: int) -> list[float]:
        found = self._call(
            "runs/search",
            experiment_ids=[self.experiment],
            filter=f"metrics.ranked >= {runs // 2}",
            order_by=["metrics.ranked DESC"],
            max_results=PAGE,
        )["runs"]
        metrics = [{metric["key"]: metric["value"] for metric in run["data"]["metrics"]} for run in found]
        return [float(values["ranked"]) for values in metrics]

    def history(self, run: str) -> int:
        count, token = 0, ""
        while True:
            query = {"run_id": run, "metric_key": "m0", "max_results": HISTORY_PAGE, "page_token": token}
            page = self.client.call("GET", f"{API}/metrics/get-history?{urlencode(query)}")
            count += len(page.get("metrics", []))
            token = page.get("next_page_token", "")
            if not token:
                return count

    def sampled(self, run: str, points: int) -> int:
        query = urlencode({"run_ids": run, "metric_key": "m0", "max_results": points})
        page = self.client.call("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")
        return len(page["metrics"])

    def _call(self, route: str, **body: Any) -> Any:
        return self.client.call("POST", f"{API}/{route}", body)


def environment() -> Path:
    """The folder of MLflow's own environment, made if it is missing; its newest release."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "polyaxon-bench" / "mlflow"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    packages = ["--upgrade", "mlflow", "psycopg2-binary"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return folder


def version(folder: Path) -> str:
    code = "from importlib.metadata import version; print(version('mlflow'))"
    return subprocess.run(
        [folder / "bin" / "python", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


@contextmanager
def mlflow_server(folder: Path, url: str, scratch: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a server with its defaults, except that what runs jobs beside it is left out."""
    port = free_port()
    scratch.mkdir(parents=True, exist_ok=True)
    command = [str(folder / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", url.replace("postgresql://", "postgresql+psycopg2://", 1)]
    command += ["--artifacts-destination", str(scratch / "artifacts")]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with (scratch / "server.log").open("ab") as log:
        child = processes.start(
            command, cwd=scratch, env={**os.environ, **_QUIET, "PATH": path}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(child, port, scratch / "server.log")
        yield port, child.pid
    finally:
        processes.end(child)


def _wait_until_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            Client(port).send("GET", "/health")
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MLflow did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.2)
        else:
            return


def seed(url: str, experiment: str, runs: int) -> None:
    """The same runs as `bench.seed` makes, written to its tables: over HTTP it would take an hour."""
    ids = [uuid.uuid4().hex for _ in range(runs)]
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        statement = (
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES %s"
        )
        rows = [
            (
                one,
                one[:8],
                "UNKNOWN",
                "",
                "",
                "",
                "RUNNING",
                START + place,
                "",
                "active",
                f"mlflow-artifacts:/{one}",
                experiment,
            )
            for place, one in enumerate(ids)
        ]
        execute_values(cursor, statement, rows)
        params = [(one, f"p{place}", str(place)) for one in ids for place in range(5)]
        execute_values(cursor, "INSERT INTO params (run_uuid, key, value) VALUES %s", params)
        metrics = [
            (one, name, value, START, 0, False)
            for number, one in enumerate(ids)
            for name, value in values(number, runs).items()
        ]
        for table in ("metrics", "latest_metrics"):
            statement = f"INSERT INTO {table} (run_uuid, key, value, timestamp, step, is_nan) VALUES %s"
            execute_values(cursor, statement, metrics, page_size=1000)
    connection.close()
