"""`polyaxon run --local`: what is called on this machine, and what the server hears of it.

`docker` and `conda` are programs of the test's own, which run the command on this machine instead of in a container.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_tool import process

if TYPE_CHECKING:
    from tests.cli.wire_server import Platform

# Notes its arguments, and runs what stands behind /bin/bash with the variables that it was given.
CONTAINER = """\
import json, os, subprocess, sys
arguments = sys.argv[1:]
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps(arguments) + "\\n")
if "/bin/bash" in arguments:
    given = dict(one[len("--env="):].split("=", 1) for one in arguments if one.startswith("--env="))
    command = arguments[arguments.index("/bin/bash"):]
    sys.exit(subprocess.run(command, env={**os.environ, **given}).returncode)
"""
FILE = """\
version: 1
kind: {kind}
params: {{lr: 0.1}}
build: {{image: "python:3.11", build_steps: [pip install numpy]}}
run: {{cmd: 'echo "lr is {{{{ lr }}}} for $POLYAXON_{upper}_INFO"; exit {code}'}}
"""


@pytest.fixture
def tools(work: Path) -> dict[str, str]:
    """The environment with both programs."""
    folder = work.parent / "tools"
    folder.mkdir()
    for name in ("docker", "conda"):
        (folder / name).write_text(f"#!{sys.executable}\n{CONTAINER}")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "NOTES": str(work.parent / "notes")}


def notes(tools: dict[str, str]) -> list[list[str]]:
    return [json.loads(line) for line in Path(tools["NOTES"]).read_text().splitlines()]


def write(work: Path, kind: str = "experiment", code: int = 0) -> None:
    (work / "polyaxonfile.yaml").write_text(FILE.format(kind=kind, upper=kind.upper(), code=code))


@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_in_a_container(
    project: dict[str, Any], platform: Platform, work: Path, tools: dict[str, str], kind: str
) -> None:
    write(work, kind)
    done = process("run", "--local", "--name=mine", env=tools)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lr is 0.1 for " in done.stdout
    assert f'"{kind}_name": "ada.digits.' in done.stdout
    build, run = notes(tools)
    assert build[:2] == ["build", "--tag"]
    assert (Path(build[-1]) / "Dockerfile").read_text() == "FROM python:3.11\nRUN pip install numpy\n"
    assert run[:2] == ["run", "--rm"]
    assert build[2] in run
    assert f"--volume={work}:/code" in run
    created = next(request for request in platform.requests if request.path.endswith(f"/{kind}s/"))
    assert (created.json["is_managed"], created.json["name"]) == (False, "mine")
    told = [request.json for request in platform.requests if request.path.endswith("/statuses/")]
    assert [body["status"] for body in told] == ["running", "succeeded"]


def test_the_exit_code_is_the_commands(
    project: dict[str, Any], platform: Platform, work: Path, tools: dict[str, str]
) -> None:
    write(work, code=5)
    done = process("run", "--local", env=tools)
    assert done.returncode == 5
    assert "ended with exit code 5" in done.stderr
    assert platform.sent().json == {"status": "failed", "message": "exit code 5"}


def test_in_a_conda_environment_that_is_made_once(
    project: dict[str, Any], work: Path, home: Path, tools: dict[str, str]
) -> None:
    write(work)
    (work / "env.yml").write_text("dependencies: [python]\n")
    assert process("run", "--local", "--conda_env=env.yml", env=tools).returncode == 0
    create, run = notes(tools)
    assert create[:2] == ["env", "create"]
    prefix = Path(create[create.index("--prefix") + 1])
    assert prefix.parent == home / ".polyaxon" / "conda"
    assert run[run.index("--prefix") + 1] == str(prefix)
    (prefix / "conda-meta").mkdir(parents=True)
    assert process("run", "--local", "--conda_env=env.yml", env=tools).returncode == 0
    assert len(notes(tools)) == 3


def test_offline_the_server_hears_nothing(
    project: dict[str, Any], platform: Platform, work: Path, tools: dict[str, str]
) -> None:
    write(work)
    done = process("--offline", "run", "--local", env=tools)
    assert (done.returncode, platform.requests) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "path", "said", "code"),
    [
        (["--local"], "/nowhere", "docker is not installed. Install Docker, or give --conda_env FILE", 1),
        (["--local", "--conda_env=no.yml"], "/nowhere", "conda is not installed", 1),
        (["--conda_env=no.yml"], "/nowhere", "--conda_env goes with --local", 2),
    ],
)
def test_what_cannot_be(
    project: dict[str, Any], platform: Platform, work: Path, arguments: list[str], path: str, said: str, code: int
) -> None:
    write(work)
    done = process("run", *arguments, env={"PATH": path})
    assert done.returncode == code
    assert said in done.stderr
    assert platform.requests == []
