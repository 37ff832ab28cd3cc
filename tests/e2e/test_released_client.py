"""The released 0.6.1 tool and tracking client, unmodified, on their own Python, against our server."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests.embedded.server import PASSWORD, Server
from tests.pythons import interpreter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Newer releases of markupsafe have dropped what the client's template library imports.
PACKAGES = ("polyaxon-cli==0.6.1", "polyaxon-client==0.6.1", "markupsafe<2.1")
TRAIN = """
import os
print("lr is", os.environ["POLYAXON_PARAMS"])
with open(os.path.join(os.environ["POLYAXON_RUN_OUTPUTS_PATH"], "model.txt"), "w") as file:
    file.write("weights")
"""
EXPERIMENT = "version: 1\nkind: experiment\nparams: {lr: 0.1}\nrun: {cmd: python train.py}\n"
GROUP = """
version: 1
kind: group
hptuning:
  concurrency: 2
  matrix: {lr: {values: [0.1, 0.2, 0.3]}}
run: {cmd: python train.py}
"""
JOB = "version: 1\nkind: job\nbuild: {image: 'python:3.9'}\nrun: {cmd: echo from a job}\n"
TRACK = """
import sys
from polyaxon_client.client import PolyaxonClient
from polyaxon_client.tracking import Experiment
client = PolyaxonClient(host="127.0.0.1", port=int(sys.argv[1]), use_https=False, token=sys.argv[2])
experiment = Experiment(project="admin/old", client=client)
experiment.create(name="tracked", tags=["one"], description="by hand")
experiment.log_params(lr=0.5)
experiment.log_tags("two")
for step in range(5):
    experiment.log_metrics(loss=1 / (step + 1))
experiment.log_data_ref(data=[1, 2], data_name="digits")
experiment.log_succeeded()
"""


class OldTool:
    """The released tool in an environment and a home of its own."""

    def __init__(self, server: Server, folder: Path, environment: Path) -> None:
        self.server, self.bin = server, environment / "bin"
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "COLUMNS": "300"}
        return subprocess.run(
            command, cwd=self.work, env=variables, capture_output=True, text=True, timeout=90, check=False
        )

    def __call__(self, *arguments: str) -> str:
        """Run `polyaxon ARGUMENTS`, which must succeed, and return what it prints."""
        done = self.run([str(self.bin / "polyaxon"), *arguments])
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"polyaxon {' '.join(arguments)}\n{output}"
        assert "failed with status code" not in output
        return done.stdout

    def until(self, text: str, *arguments: str) -> str:
        """Repeat a command until it prints `text`."""
        deadline = time.monotonic() + 60
        while text not in (output := self(*arguments)):
            assert time.monotonic() < deadline, output
            time.sleep(1)
        return output

    def statuses(self, *arguments: str) -> list[str]:
        return re.findall(r"(?m)^ +\d+ .*?(?:ago|now)\s+([a-z_]+)", self(*arguments, "statuses"))


@pytest.fixture(scope="module")
def old(server: Server, tmp_path_factory: pytest.TempPathFactory) -> OldTool:
    python = interpreter("3.7")
    folder = tmp_path_factory.mktemp("released")
    environment = folder / "environment"
    subprocess.run([python, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True, timeout=280)
    tool = OldTool(server, folder, environment)
    tool("config", "set", "--host=127.0.0.1", f"--port={server.port}", "--use_https=false")
    tool("login", "-u", "admin", "-p", PASSWORD)
    tool("project", "create", "--name=old", "--description=kept")
    tool("init", "old")
    for name, text in {"train.py": TRAIN, "one.yml": EXPERIMENT, "many.yml": GROUP, "job.yml": JOB}.items():
        (tool.work / name).write_text(text)
    tool("upload")
    return tool


def test_who_and_what(old: OldTool) -> None:
    assert "admin" in old("whoami")
    assert "0.6.1" in old("version")
    assert "old" in old("project", "list")
    assert "master" in old("cluster")


def test_an_experiment_from_start_to_outputs(old: OldTool) -> None:
    number = re.search(r"Experiment `(\d+)` was created", old("run", "-f", "one.yml"))
    assert number is not None
    one = ("experiment", "-xp", number[1])
    old.until("succeeded", *one, "get")
    assert old.statuses(*one) == ["created", "scheduled", "starting", "running", "succeeded"]
    assert '{"lr": 0.1}' in old(*one, "logs", "--past")
    old(*one, "outputs")
    with tarfile.open(old.work / f"admin.old.{number[1]}.tar.gz") as archive:
        assert [Path(name).name for name in archive.getnames() if name.endswith("model.txt")] == ["model.txt"]
    assert "['a', 'b']" in old(*one, "update", "--name=first", "--tags=a,b")
    old(*one, "bookmark")
    assert f"admin.old.{number[1]}" in old("bookmark", "experiments")
    for command, words in (("restart", "restarted"), ("resume", "resumed")):
        assert f"was {words} with id" in old(*one, command)
    assert "master" in old(*one, "jobs")


def test_a_search(old: OldTool) -> None:
    number = re.search(r"Experiment group (\d+) was created", old("run", "-f", "many.yml"))
    assert number is not None
    group = ("group", "-g", number[1])
    assert re.search(r"num_succeeded_experiments\s+3", old.until("done", *group, "get"))
    assert old(*group, "experiments").count("succeeded") == 3
    assert old.statuses(*group) == ["created", "running", "done"]


def test_a_job(old: OldTool) -> None:
    number = re.search(r"Job (\d+) was created", old("run", "-f", "job.yml"))
    assert number is not None
    job = ("job", "-j", number[1])
    old.until("succeeded", *job, "statuses")
    assert "from a job" in old(*job, "logs", "--past")
    assert number[1] in old("project", "jobs")


def test_tracking_a_run_outside(old: OldTool) -> None:
    script = old.work / "track.py"
    script.write_text(TRACK)
    token = json.loads((old.home / ".polyaxon/.polyaxonauth").read_text())["token"]
    done = old.run([str(old.bin / "python"), str(script), str(old.server.port), token])
    assert done.returncode == 0, done.stderr
    found = old.server.request("GET", "admin/old/experiments?query=name:tracked")["results"]
    assert len(found) == 1
    detail = old.server.request("GET", f"admin/old/experiments/{found[0]['id']}")
    assert (detail["last_status"], detail["params"], detail["tags"]) == ("succeeded", {"lr": 0.5}, ["one", "two"])
    assert detail["last_metric"] == {"loss": 0.2}
    assert detail["run_env"]["client_version"] == "0.6.1"
    assert list(detail["data_refs"]) == ["digits"]
    history = old.server.request("GET", f"admin/old/experiments/{found[0]['id']}/metrics")
    assert [row["values"]["loss"] for row in history["results"]] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
