"""Many writers on SQLite: they wait for each other, and none is turned away."""

from __future__ import annotations

import threading
import time
import urllib.error
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.embedded.server import Server

pytestmark = pytest.mark.slow
CLIENTS = 20
ROWS = 10


@pytest.mark.timeout(900)
def test_twenty_clients_write_while_twenty_runs_come_and_go(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="10")
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        watched = [server.request("POST", "admin/p/experiments", {"is_managed": False})["id"] for _ in range(CLIENTS)]
        runs = [server.create_experiment("p", "sleep 0.5; echo fine") for _ in range(20)]
        ended = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            writers = [pool.submit(write, server, experiment, ended) for experiment in watched]
            try:
                ends = [server.wait_for(f"admin/p/experiments/{run}", {"succeeded", "failed"}, 300) for run in runs]
                time.sleep(2)
            finally:
                ended.set()
            answers = [writer.result() for writer in writers]
        assert {end["last_status"] for end in ends} == {"succeeded"}
        assert set().union(*answers) == {"stored"}
        for experiment, answer in zip(watched, answers, strict=True):
            rows = server.request("GET", f"admin/p/experiments/{experiment}/metrics?limit=100000")
            assert rows["count"] == answer["stored"] * ROWS
        assert "database is locked" not in server.log.read_text()
        assert " ERROR " not in server.log.read_text()
    finally:
        server.close()


def write(server: Server, experiment: int, ended: threading.Event) -> Counter[str]:
    answers: Counter[str] = Counter()
    rows = [{"values": {"loss": 1.0, "accuracy": 0.5}} for _ in range(ROWS)]
    while not ended.is_set():
        try:
            server.request("POST", f"admin/p/experiments/{experiment}/metrics", rows)
            answers["stored"] += 1
        except urllib.error.HTTPError as error:
            answers[f"{error.code} {error.read()[:200]!r}"] += 1
    return answers
