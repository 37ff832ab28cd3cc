"""Searches whose trials are real processes: they report to a real server, go on from checkpoints and are pruned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.server import Server
from tests.embedded.test_faults import DONE, results

pytestmark = pytest.mark.slow

# Trains to `epochs`, on from the checkpoint that it finds; the loss is the smaller the longer, and the smaller `lr`.
SCRIPT = """
import json, pathlib, os, sys, time
from polyaxon_client.tracking import Experiment
lr, epochs, pause = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
folder = pathlib.Path(os.environ["POLYAXON_RUN_OUTPUTS_PATH"])
checkpoint = folder / "checkpoint.json"
epoch = json.loads(checkpoint.read_text())["epoch"] if checkpoint.exists() else 0
experiment = Experiment()
while epoch < epochs:
    epoch += 1
    experiment.log_metrics(step=epoch, loss=lr + 1.0 / epoch)
    with open(folder / "trace", "a") as trace:
        trace.write(f"{lr} {epoch}\\n")
    checkpoint.write_text(json.dumps({"epoch": epoch}))
    time.sleep(pause)
"""
SECTION = {
    "max_iter": 9,
    "eta": 3,
    "resource": {"name": "epochs", "type": "int"},
    "metric": {"name": "loss", "optimization": "minimize"},
    "resume": True,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", POLYAXON_LOCAL_CONCURRENCY="4")
    try:
        running.start()
        running.request("POST", "projects", {"name": "p"})
        (tmp_path / "train.py").write_text(SCRIPT)
        yield running
    finally:
        running.close()


def start(server: Server, pause: float = 0.0, epochs: str = "{{ epochs }}", **section: Any) -> int:
    script = server.folder.parent / "train.py"
    content = {
        "version": 1,
        "kind": "group",
        "hptuning": {"seed": 5, "concurrency": 3, "matrix": {"lr": {"uniform": [0, 1]}}, **section},
        "run": {"cmd": f"exec python {script} {{{{ lr }}}} {epochs} {pause}"},
    }
    return int(server.request("POST", "admin/p/groups", {"content": json.dumps(content)})["id"])


def trials(server: Server, group: int) -> list[dict[str, Any]]:
    return sorted(results(server, f"admin/p/experiments?group={group}"), key=lambda row: row["id"])


@pytest.mark.timeout(1200)
def test_what_runs_is_the_published_table_of_brackets(server: Server) -> None:
    """R = 9 and eta = 3: of each rung how many trials, and for how many epochs each of them really trains."""
    group = start(server, hyperband={**SECTION, "resume": False})
    assert server.wait_for(f"admin/p/groups/{group}", DONE, timeout=500)["last_status"] == "done"
    ran: Counter[tuple[int, int, int]] = Counter()
    for decision in results(server, f"admin/p/groups/{group}/decisions?kind=start"):
        trace = Path(server.folder, f"outputs/admin/p/groups/{group}/{decision['experiment']}/trace")
        ran[decision["bracket"], decision["rung"], len(trace.read_text().splitlines())] += 1
    assert ran == {(0, 0, 1): 9, (0, 1, 3): 3, (0, 2, 9): 1, (1, 0, 3): 5, (1, 1, 9): 1, (2, 0, 9): 3}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("section", [{"hyperband": SECTION}, {"asha": {**SECTION, "n_experiments": 9}}])
def test_defect_703_a_promoted_trial_counts_on_from_its_checkpoint(server: Server, section: dict[str, Any]) -> None:
    group = start(server, **section)
    detail = server.wait_for(f"admin/p/groups/{group}", DONE, timeout=500)
    assert detail["last_status"] == "done"
    rows = trials(server, group)
    assert {row["last_status"] for row in rows} == {"succeeded"}
    lines: dict[str, int] = {}  # what each line of trials was trained to in all
    for row in rows:
        rate = str(row["params"]["lr"])
        lines[rate] = max(lines.get(rate, 0), int(row["params"]["epochs"]))
    assert len(rows) > len(lines) >= 9
    assert max(lines.values()) == 9
    trained = sorted(Path(server.folder, f"outputs/admin/p/groups/{group}").glob("*/trace"))
    found = {}
    for file in trained:
        steps = [line.split() for line in file.read_text().splitlines()]
        found[steps[0][0]] = [int(epoch) for _, epoch in steps]
    assert found == {rate: list(range(1, epochs + 1)) for rate, epochs in lines.items()}


@pytest.mark.timeout(1200)
def test_trials_that_do_badly_are_stopped_while_they_run(server: Server) -> None:
    policy = {"kind": "median", "evaluation_interval": 5, "warmup_steps": 5, "min_trials": 2}
    group = start(
        server,
        pause=0.4,
        epochs="40",
        random_search={"n_experiments": 6},
        early_stopping=[{"metric": "loss", "optimization": "minimize", "policy": policy}],
    )
    detail = server.wait_for(f"admin/p/groups/{group}", DONE, timeout=500)
    assert detail["last_status"] == "done"
    by_status: dict[str, list[float]] = {}
    for row in trials(server, group):
        by_status.setdefault(row["last_status"], []).append(row["params"]["lr"])
    assert set(by_status) == {"stopped", "succeeded"}
    everything = [*by_status["stopped"], *by_status["succeeded"]]
    assert min(everything) in by_status["succeeded"]
    for row in trials(server, group):
        if row["last_status"] == "stopped":
            last = results(server, f"admin/p/experiments/{row['id']}/statuses")[-1]
            assert last["message"].startswith("median policy at step")
