"""A stopped training goes on from its checkpoint: the digits example, resumed by the command line tool."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.embedded.server import ROOT

pytestmark = pytest.mark.slow
EPOCHS = 120
EPOCH_BEGINS = "        started = time.perf_counter()\n"


@pytest.fixture(scope="module")
def example(admin: Person) -> Path:
    folder = admin.work / "digits"
    shutil.copytree(ROOT / "examples/digits", folder, ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    # An epoch takes milliseconds on a fast machine; whoever stops the training needs some seconds.
    text = (folder / "train.py").read_text()
    assert EPOCH_BEGINS in text
    (folder / "train.py").write_text(text.replace(EPOCH_BEGINS, EPOCH_BEGINS + "        time.sleep(0.15)\n"))
    admin.cli("project", "create", "--name=digits")
    admin.cli("init", "admin/digits", "-y", cwd=folder)
    return folder


def steps(person: Person, number: int) -> list[int]:
    return [row["step"] for row in person.history(f"admin/digits/experiments/{number}")]


def wait_for_epochs(person: Person, number: int, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(steps(person, number)) < count:
        assert time.monotonic() < deadline, "the training does not move"
        time.sleep(0.1)


def listed(person: Person, number: int) -> dict[str, int]:
    tree = person.get(f"admin/digits/experiments/{number}/outputs/tree")
    return {name: size for name, size in tree["files"] if not name.endswith(".part")}


@pytest.mark.timeout(240)
def test_a_stopped_training_is_resumed_from_its_checkpoint(admin: Person, example: Path) -> None:
    admin.cli("run", "-u", "-P", f"epochs={EPOCHS}", cwd=example)
    first: int = admin.get("admin/digits/experiments")["results"][0]["id"]
    wait_for_epochs(admin, first, 3)
    admin.cli("experiment", "-xp", str(first), "stop", "-y", cwd=example)
    admin.server.wait_for(f"admin/digits/experiments/{first}", {"stopped", "succeeded", "failed"})
    before = steps(admin, first)
    assert before == list(range(1, len(before) + 1))
    assert 3 <= len(before) < EPOCHS
    assert "model.joblib" not in listed(admin, first)

    admin.cli("experiment", "-xp", str(first), "resume", cwd=example)
    newest: dict[str, Any] = admin.get("admin/digits/experiments")["results"][0]
    second = newest["id"]
    assert (newest["cloning_strategy"], newest["original"]) == ("resume", f"admin.digits.{first}")
    end = admin.server.wait_for(f"admin/digits/experiments/{second}", {"succeeded", "failed", "stopped"}, 120)
    log = admin.cli("experiment", "-p", "digits", "-xp", str(second), "logs", "--past", "--hide_time").stdout
    assert end["last_status"] == "succeeded", log

    done = int(log.split("resuming after epoch ")[1].split()[0])
    # The checkpoint is written after the metrics, so the last epoch may be missing in it.
    assert done in {len(before), len(before) - 1}
    assert steps(admin, second) == list(range(done + 1, EPOCHS + 1))
    assert end["params"] == admin.get(f"admin/digits/experiments/{first}")["params"]
    assert end["last_metric"]["accuracy"] > 0.9
    # One folder, seen from both runs; the history of the first is its own.
    assert {"model.joblib", "confusion_matrix.png", "checkpoint.joblib"} <= set(listed(admin, second))
    assert listed(admin, first) == listed(admin, second)
    assert steps(admin, first) == before


@pytest.mark.timeout(120)
def test_a_finished_training_is_resumed_for_more_epochs(admin: Person, example: Path) -> None:
    (example / "more.yaml").write_text("version: 1\nkind: experiment\nparams: {epochs: 5}\n")
    admin.cli("run", "-u", "-P", "epochs=2", "--watch", cwd=example)
    first = admin.get("admin/digits/experiments")["results"][0]["id"]
    admin.cli("experiment", "-xp", str(first), "resume", "-f", "more.yaml", cwd=example)
    second = admin.get("admin/digits/experiments")["results"][0]["id"]
    assert second != first
    end = admin.server.wait_for(f"admin/digits/experiments/{second}", {"succeeded", "failed", "stopped"})
    assert end["last_status"] == "succeeded"
    assert (steps(admin, first), steps(admin, second)) == ([1, 2], [3, 4, 5])
    assert "resuming after epoch 2" in admin.http("GET", f"admin/digits/experiments/{second}/logs").body.decode()


@pytest.mark.timeout(120)
def test_a_restart_begins_anew_in_outputs_of_its_own(admin: Person, example: Path) -> None:
    admin.cli("run", "-u", "-P", "epochs=2", "--watch", cwd=example)
    first = admin.get("admin/digits/experiments")["results"][0]["id"]
    admin.cli("experiment", "-xp", str(first), "restart", cwd=example)
    second = admin.get("admin/digits/experiments")["results"][0]["id"]
    end = admin.server.wait_for(f"admin/digits/experiments/{second}", {"succeeded", "failed", "stopped"})
    assert (end["last_status"], end["cloning_strategy"]) == ("succeeded", "restart")
    assert steps(admin, second) == steps(admin, first) == [1, 2]
    values = [[row["values"] for row in admin.history(f"admin/digits/experiments/{n}")] for n in (first, second)]
    assert values[0] == values[1]
