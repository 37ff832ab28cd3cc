"""A training loop that logs and does nothing else: one client, its cost, and how long until all has arrived.

Runs in the environment of the client that it measures, so it needs nothing but that.
`python loop.py ours|sync|async CALLS SECONDS`: stops after so many calls or seconds. Prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

SERIES = 4
Log = Callable[[int], Any]
Finish = Callable[[], None]


def ours() -> tuple[str, Log, Finish]:
    """Our tracking client. What is logged has arrived when `flush` is true."""
    from polyaxon_client.tracking import Experiment  # noqa: PLC0415 - only one of the clients is there

    experiment = Experiment("bench", track_logs=False, track_code=False, track_env=False).create()

    def log(step: int) -> None:
        experiment.log_metrics(step=step, m0=step * 0.5, m1=step * 0.25, m2=1.0 / (step + 1), m3=-float(step))

    def finish() -> None:
        if not experiment.flush(300):
            raise RuntimeError("not all points arrived")

    return str(experiment.experiment_id), log, finish


def mlflow(*, synchronous: bool) -> tuple[str, Log, Finish]:
    """MLflow's fluent interface."""
    import mlflow as client  # noqa: PLC0415 - as above

    run = client.start_run()

    def log(step: int) -> None:
        values = {"m0": step * 0.5, "m1": step * 0.25, "m2": 1.0 / (step + 1), "m3": -float(step)}
        client.log_metrics(values, step=step, synchronous=synchronous)

    finish = (lambda: None) if synchronous else client.flush_async_logging
    return run.info.run_id, log, finish


def main(which: str, calls: int, seconds: float) -> None:
    run, log, finish = ours() if which == "ours" else mlflow(synchronous=which == "sync")
    taken = []
    begun = time.perf_counter()
    for step in range(calls):
        before = time.perf_counter()
        log(step)
        after = time.perf_counter()
        taken.append(after - before)
        if after - begun > seconds:
            break
    finish()
    found = {
        "run": run,
        "points": len(taken) * SERIES,
        "seconds": time.perf_counter() - begun,
        "median": statistics.median(taken),
        "p99": statistics.quantiles(taken, n=100)[-1],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
