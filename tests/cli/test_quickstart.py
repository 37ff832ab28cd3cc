"""`examples/quickstart.py` drives the real tool, as processes, against a real HTTP server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_run_commands import EXPERIMENT, GROUP
from tests.cli.wire_server import PASSWORD, USER, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    Quickstart = Callable[..., subprocess.CompletedProcess[str]]

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "quickstart.py"

pytestmark = pytest.mark.slow


@pytest.fixture
def example(work: Path) -> Path:
    folder = work / "digits"
    folder.mkdir()
    (folder / "train.py").write_text("print('training')\n")
    (folder / "polyaxonfile.yaml").write_text(EXPERIMENT)
    (folder / "search.yaml").write_text(GROUP)
    (work / "password").write_text(f"{PASSWORD}\n")
    return folder


@pytest.fixture
def quickstart(server: Server, example: Path, work: Path) -> Quickstart:
    def run(**changed: Any) -> subprocess.CompletedProcess[str]:
        options = {
            "url": f"http://127.0.0.1:{server.port}",
            "username": USER,
            "password-file": work / "password",
            "data-dir": work / "data",
            "example": example,
            **changed,
        }
        command = [sys.executable, str(SCRIPT), *[f"--{name}={value}" for name, value in options.items()]]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=os.environ)

    return run


def test_the_whole_example(quickstart: Quickstart, server: Server, home: Path, work: Path) -> None:
    server.platform.script = ("running", "succeeded")
    done = quickstart()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    commands = [line.split()[2] for line in lines if line.startswith("$ polyaxon ")]
    assert commands == [
        "config", "login", "whoami", "project", "init", "upload",
        "run", "experiment", "run", "group", "group",
    ]  # fmt: skip
    assert any("now succeeded" in line for line in lines)
    head = next(index for index, line in enumerate(lines) if line.startswith("rank "))
    ranking = lines[head + 1 : head + 9]
    assert [line.split()[0] for line in ranking] == [str(place) for place in range(1, 9)]
    assert f"API               http://127.0.0.1:{server.port}/api/v1/{USER}/quick-start/" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert list(home.iterdir()) == [], "the person's own settings are left alone"
    assert (work / "data" / "quick-start" / "home" / ".polyaxon" / ".polyaxonauth").exists()
    assert not (work / "digits" / ".polyaxon").exists()


def test_a_second_time_the_project_is_there(quickstart: Quickstart, server: Server) -> None:
    server.platform.script = ("succeeded",)
    for number in range(25):
        server.platform.add_project(f"p{number}")
    server.platform.add_project("quick-start")
    done = quickstart()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is there already" in done.stdout
    assert not [request for request in server.platform.requests if request.path.endswith("/projects/")]


def test_fewer_trials_than_eight_are_a_failure(quickstart: Quickstart, server: Server) -> None:
    server.platform.script = ("succeeded",)
    server.platform.trials = 7
    done = quickstart()
    assert done.returncode == 1
    assert "The example failed: 8 trials should have succeeded, there are: 7 succeeded" in done.stdout


def test_a_failed_experiment_ends_the_example(quickstart: Quickstart, server: Server) -> None:
    server.platform.script = ("failed",)
    done = quickstart()
    assert done.returncode == 1
    assert "`polyaxon run -f polyaxonfile.yaml -l --watch` ended with exit code 1" in done.stdout
    assert not [request for request in server.platform.requests if request.path.endswith("/groups/")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password-file": "/nowhere"}, "cannot read the password from /nowhere"),
        ({"example": "/nowhere"}, "cannot copy /nowhere"),
        ({"username": "eve"}, "`polyaxon login -u eve --password-stdin` ended with exit code 1"),
        ({"url": "http://127.0.0.1:1"}, "ended with exit code 1"),
    ],
)
def test_what_cannot_work_is_one_clear_line(quickstart: Quickstart, changed: dict[str, str], said: str) -> None:
    done = quickstart(**changed)
    assert done.returncode == 1
    assert said in done.stdout.splitlines()[-1]
