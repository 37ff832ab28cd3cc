"""Our server as a subject."""

from __future__ import annotations

import json
from urllib.parse import quote

from bench.client import Client
from bench.subject import BATCH, PAGE, SERIES

RUNS = "/api/v1/admin/bench/experiments"
START = 1_700_000_000.0


class Ours:
    name = "ours"

    def __init__(self, port: int, token: str) -> None:
        self.client = Client(port, {"Authorization": f"Token {token}"})

    def create_run(self) -> str:
        body = {"is_managed": False, "params": {"lr": 0.1, "layers": 3}, "tags": ["bench"]}
        return str(self.client.call("POST", RUNS, body)["id"])

    def log_point(self, run: str, step: int) -> None:
        self.client.call("POST", f"{RUNS}/{run}/metrics", {"values": {"loss": 1 / (step + 1)}, "step": step})

    def batch(self, run: str, first_step: int) -> bytes:
        del run  # its address names it
        steps = list(range(first_step, first_step + BATCH // SERIES))
        times = [START + step for step in steps]
        series = [
            {"name": f"m{place}", "values": [step * 0.5 + place for step in steps], "steps": steps, "times": times}
            for place in range(SERIES)
        ]
        return json.dumps({"series": series}).encode()

    def log_batch(self, run: str, body: bytes) -> None:
        self.client.send("POST", f"{RUNS}/{run}/metrics", body)

    def page(self, runs: int) -> list[float]:
        query = quote(f"metric.ranked:>={runs // 2}")
        found = self.client.call("GET", f"{RUNS}?query={query}&sort=-metric.ranked&limit={PAGE}")
        if not all(row["params"] and row["last_metric"] for row in found["results"]):
            raise RuntimeError("a row of the page lacks its params or metrics")
        return [row["last_metric"]["ranked"] for row in found["results"]]

    def history(self, run: str) -> int:
        path, count = f"{RUNS}/{run}/metrics/points?name=m0&limit=100000", 0
        while path:
            page = self.client.call("GET", path)
            count += len(page["values"])
            path = page["next"] and page["next"][page["next"].index("/api/") :]
        return count

    def sampled(self, run: str, points: int) -> int:
        page = self.client.call("GET", f"{RUNS}/{run}/metrics/history?name=m0&points={points}")
        return len(page["results"][0]["values"])
