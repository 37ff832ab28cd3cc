"""Scripts written for the client of 0.6 run unchanged, on every Python and in every mode."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.conftest import Script, base_env, finish, managed_env, outside_env
from tests.pythons import interpreter

if TYPE_CHECKING:
    from tests.client.recorder import Recorder

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).with_name("old_scripts")
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
MANAGED = {"managed_training", "distributed_training"}
CREATIONS = {
    "outside_training": ["experiments"],
    "failing_training": ["experiments"],
    "outside_job": ["jobs"],
    "outside_build": ["builds"],
    "outside_group": ["groups", "experiments", "experiments"],
    "own_hooks": ["experiments"],
}
STATUSES = {
    "outside_training": ["running", "warning", "succeeded"],
    "failing_training": ["running", "failed"],
    "outside_job": ["running", "succeeded"],
    "outside_build": ["running", "succeeded"],
    "outside_group": ["running", "running", "succeeded", "running", "succeeded", "done"],
    "own_hooks": ["running", "succeeded"],
}
POINTS = {"managed_training": 3, "outside_training": 5, "failing_training": 1, "outside_group": 2}


def environment(name: str, recorder: Recorder, folder: Path) -> dict[str, str]:
    if name not in MANAGED:
        return outside_env(recorder.port)
    return managed_env(
        recorder.url,
        POLYAXON_PARAMS=json.dumps({"lr": 0.2, "epochs": 3}),
        POLYAXON_RUN_DATA_PATHS=json.dumps({"digits": "/data"}),
        POLYAXON_RUN_OUTPUTS_PATH=str(folder / "out"),
        POLYAXON_LOG_LEVEL="INFO",
        POLYAXON_CLUSTER=json.dumps({"master": ["a:1"], "worker": ["b:1"]}),
        POLYAXON_TASK_INFO=json.dumps({"type": "worker", "index": 0}),
    )


def execute(script: Script, name: str, env: dict[str, str], python: str) -> str:
    status, out, err = finish(script((FOLDER / f"{name}.py").read_text(), env, python))
    assert status == 0, err
    assert "Traceback" not in err
    return out


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_they_run_and_report(recorder: Recorder, script: Script, tmp_path: Path, name: str, version: str) -> None:
    execute(script, name, environment(name, recorder, tmp_path), interpreter(version))
    made = [one.path.split("/")[2] for one in recorder.of("POST", "/") if one.path.count("/") == 3]
    assert made == CREATIONS.get(name, [])
    assert recorder.statuses() == STATUSES.get(name, [])
    assert len(recorder.points()) == POINTS.get(name, 1 if name in {"distributed_training", "own_hooks"} else 0)
    assert {one.headers["authorization"] for one in recorder.asked} == {"Token t0ken"}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("mode", ["POLYAXON_NO_OP", "POLYAXON_IS_OFFLINE"])
def test_they_run_without_a_server(script: Script, recorder: Recorder, tmp_path: Path, name: str, mode: str) -> None:
    env = environment(name, recorder, tmp_path)
    execute(script, name, {**env, mode: "true"}, interpreter("3.11"))
    assert recorder.asked == []


def test_a_run_started_with_a_token_for_one_use(recorder: Recorder, tmp_path: Path) -> None:
    recorder.route("POST", "ada/digits/experiments/12/ephemeraltoken/", {"token": "its-own"})
    env = managed_env(
        recorder.url,
        POLYAXON_SECRET_EPHEMERAL_TOKEN="once",
        POLYAXON_INTERNAL_HEADER="X-Polyaxon-Internal",
        POLYAXON_INTERNAL_HEADER_SERVICE="runner",
    )
    del env["POLYAXON_SECRET_USER_TOKEN"]
    code = (
        "import os, pathlib\n"
        "from polyaxon_client import settings\n"
        f"settings.TMP_DIR = pathlib.Path({str(tmp_path)!r}) / 'kept'\n"
        "from polyaxon_client.tracking import Experiment\n"
        "Experiment(track_env=False).log_metrics(loss=0.5)\n"
        "assert 'POLYAXON_SECRET_EPHEMERAL_TOKEN' not in os.environ\n"
    )
    python = interpreter("3.11")
    full = {**base_env(tmp_path), **env}
    done = subprocess.run([python, "-c", code], env=full, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    traded, *others = recorder.asked
    assert traded.headers["authorization"] == "EphemeralToken once"
    assert traded.headers["x-polyaxon-internal"] == "runner"
    assert {one.headers["authorization"] for one in others} == {"Token its-own"}
    kept = tmp_path / "kept" / ".authtoken"
    assert json.loads(kept.read_text()) == {"POLYAXON_SECRET_USER_TOKEN": "its-own"}
    assert kept.stat().st_mode & 0o777 == 0o600
