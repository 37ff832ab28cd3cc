"""Files that runs keep, from the tracking client to the lists and downloads of the server."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.person import Person
from tests.embedded.server import Server

pytestmark = pytest.mark.slow

KEEPING = """
import sys
import numpy as np
from polyaxon_client.tracking import Experiment
experiment = Experiment("admin/careful", track_env=False, track_code=False).create()
print(experiment.experiment_id, flush=True)
for step in range(3):
    experiment.log_image(np.full((4, 6, 3), step / 4), name="digits/zero", step=step)
experiment.log_audio(np.zeros(100), name="tone", sample_rate=8000)
experiment.log_html("<b>fine</b>", name="report")
experiment.log_table([{"a": 1}, {"a": 2}], name="scores")
experiment.log_text("hello", name="notes")
experiment.log_model("model", name="final", framework="numpy", metadata={"classes": 10})
experiment.log_checkpoint("weights.bin", step=7)
experiment.log_artifact("train.py")
experiment.log_artifact("missing.bin")
experiment.log_figure(3)
"""
TYPES = {
    "images/digits/zero/00000000.png": "image",
    "images/digits/zero/00000001.png": "image",
    "images/digits/zero/00000002.png": "image",
    "audios/tone.wav": "audio",
    "htmls/report.html": "html",
    "tables/scores.csv": "table",
    "texts/notes.txt": "text",
    "final/a.npy": "model",
    "final/deep/b.npy": "model",
    "weights.bin": "checkpoint",
    "train.py": "code",
}


def prepare(folder: Path) -> None:
    (folder / "model" / "deep").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "a.npy").write_bytes(b"a" * 100)
    (folder / "model" / "deep" / "b.npy").write_bytes(b"b" * 100)
    (folder / "weights.bin").write_bytes(os.urandom(20 * 1024 * 1024))
    (folder / "train.py").write_text(KEEPING)


def artifacts(person: Person, number: int) -> dict[str, dict[str, Any]]:
    rows = person.get(f"admin/careful/experiments/{number}/artifacts")["results"]
    return {row["path"]: row for row in rows}


def check(person: Person, number: int, folder: Path) -> None:
    found = artifacts(person, number)
    assert {path: row["type"] for path, row in found.items()} == TYPES
    for path, row in found.items():
        assert row["stored"], path
        answer = person.http("GET", f"admin/careful/experiments/{number}/outputs/files?path={quote(path)}")
        assert hashlib.sha256(answer.body).hexdigest() == row["sha256"]
    steps = [(row["name"], row["step"]) for row in found.values() if row["type"] == "image"]
    assert steps == [("digits/zero", 0), ("digits/zero", 1), ("digits/zero", 2)]
    assert found["weights.bin"]["sha256"] == hashlib.sha256((folder / "weights.bin").read_bytes()).hexdigest()
    assert (found["final/a.npy"]["metadata"], found["weights.bin"]["step"]) == (
        {"classes": 10, "framework": "numpy", "folder": "final"},
        7,
    )


def test_a_run_outside_sends_its_files(admin: Person, careful: str) -> None:
    prepare(admin.work)
    process = admin.script(admin.work / "train.py")
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert "missing.bin is not kept" in said
    assert "figure 'figure' is not kept" in said
    check(admin, int(said.split()[0]), admin.work)


def test_offline_files_are_copied_and_sent_by_sync(admin: Person, careful: str) -> None:
    prepare(admin.work)
    before = {row["id"] for row in admin.get(f"{careful}/experiments")["results"]}
    process = admin.script(admin.work / "train.py", POLYAXON_IS_OFFLINE="1", POLYAXON_OFFLINE_PATH="recorded")
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    kept = (admin.work / "weights.bin").read_bytes()
    (admin.work / "weights.bin").write_bytes(b"overwritten afterwards")
    admin.cli("sync", "recorded")
    (number,) = {row["id"] for row in admin.get(f"{careful}/experiments")["results"]} - before
    (admin.work / "weights.bin").write_bytes(kept)
    check(admin, number, admin.work)
    assert list((admin.work / "recorded").iterdir()) == []
    assert admin.get(f"{careful}/experiments/{number}")["last_status"] == "succeeded"


def test_a_run_of_the_platform_writes_in_place_and_sends_nothing(admin: Person, careful: str, server: Server) -> None:
    script = KEEPING.replace('Experiment("admin/careful", track_env=False, track_code=False).create()', "Experiment()")
    prepare(admin.work)
    (admin.work / "train.py").write_text(script)
    run = {"version": 1, "kind": "experiment", "run": {"cmd": "python train.py"}}
    (admin.work / "run.json").write_text(json.dumps(run))
    admin.cli("init", "admin/careful", "-y")
    number = int(admin.cli_json("run", "-f", "run.json", "-u")["id"])
    assert server.wait_for(f"{careful}/experiments/{number}", {"succeeded", "failed"})["last_status"] == "succeeded"
    check(admin, number, admin.work)
    asked = [line for line in server.log.read_text().splitlines() if f"experiments/{number}/artifacts/content" in line]
    assert asked == []


LARGE = """
from polyaxon_client.tracking import Experiment
experiment = Experiment("admin/careful", track_env=False, track_code=False).create()
print(experiment.experiment_id, flush=True)
for number in range(4):
    experiment.log_checkpoint(f"large-{number}.bin")
"""


@pytest.mark.timeout(400)
def test_uploads_go_on_where_a_killed_server_stopped(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    try:
        person = Person(server.start(), tmp_path).log_in()
        person.cli("project", "create", "--name=careful")
        contents = {f"large-{number}.bin": os.urandom(60 * 1024 * 1024) for number in range(4)}
        for name, content in contents.items():
            (person.work / name).write_bytes(content)
        (person.work / "large.py").write_text(LARGE)
        process = person.script(person.work / "large.py", POLYAXON_TIMEOUT="180")
        assert process.stdout is not None
        number = int(process.stdout.readline())
        path = f"admin/careful/experiments/{number}"
        begun = _wait_for_parts(person, path)
        server.kill()
        time.sleep(1)
        server.start()
        said, _ = process.communicate(timeout=240)
        assert process.returncode == 0, said
        rows = person.get(f"{path}/artifacts")["results"]
        assert begun
        assert {row["path"]: row["stored"] for row in rows} == dict.fromkeys(contents, True)
        for name, content in contents.items():
            assert person.http("GET", f"{path}/outputs/files?path={name}").body == content
    finally:
        server.close()


def _wait_for_parts(person: Person, path: str) -> list[str]:
    """Files that have arrived in part, as soon as there are some."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        rows = person.get(f"{path}/artifacts")["results"]
        parts = [row["path"] for row in rows if not row["stored"] and row["received"]]
        if parts:
            return parts
        time.sleep(0.02)
    raise AssertionError("nothing arrived in part")
