"""A home and a project folder as the tool of 0.6.1 left them: everything in them is still good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.wire_server import TOKEN, USER, Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]

OF_A_PROJECT = (
    "description", "tags", "num_experiments", "num_independent_experiments", "num_experiment_groups", "num_jobs",
    "num_builds", "has_tensorboard", "has_notebook", "experiment_groups", "experiments",
)  # fmt: skip
OF_AN_EXPERIMENT = (
    "name", "experiment_group", "build_job", "description", "last_metric", "backend", "framework", "started_at",
    "finished_at", "total_run", "is_clone", "content", "params", "tags", "resources", "run_env", "jobs", "ttl",
)  # fmt: skip


def keep(folder: Path, name: str, data: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    # One line, keys in any order, as it wrote them.
    (folder / name).write_text(json.dumps(data))


@pytest.fixture
def old(server: Server, home: Path, work: Path) -> Server:
    """What `config set`, `login`, `init` and `run` of 0.6.1 write; the server knows the project and its run 1."""
    made = server.platform.add_project("digits")
    run = server.platform.add_run("experiments", "digits")
    polyaxon = home / ".polyaxon"
    address = {"verbose": False, "host": "127.0.0.1", "port": str(server.port), "use_https": False, "verify_ssl": None}
    keep(polyaxon, ".polyaxonconfig", address)
    keep(polyaxon, ".polyaxonauth", {"username": USER, "token": TOKEN})
    handler = {"dsn": None, "environment": "production", "tags": {}}
    versions = {"check_count": 7, "current_version": "0.6.1", "min_version": "0.6.0", "log_handler": handler}
    keep(polyaxon, ".polyaxoncli", versions)
    local = work / ".polyaxon"
    keep(local, ".polyaxonproject", {**dict.fromkeys(OF_A_PROJECT), **made, "is_public": True, "has_code": True})
    keep(local, ".polyaxonxp", {**dict.fromkeys(OF_AN_EXPERIMENT), "id": run["id"], "uuid": run["uuid"]})
    (work / ".polyaxonignore").write_text(".git\n.eggs\n*.pyc\n*.swp\n.DS_Store\n./.polyaxon\n")
    (work / "train.py").write_text("print('training')\n")
    (work / "left.pyc").write_text("no")
    (work / "polyaxonfile.yml").write_text("version: 1\nkind: experiment\nrun: {cmd: python train.py}\n")
    return server


def test_nothing_has_to_be_said_again(polyaxon: Tool, old: Server) -> None:
    assert polyaxon("whoami").stdout.split()[:2] == ["username", USER]
    assert "digits" in polyaxon("project", "get").stdout
    seen = json.loads(polyaxon("--json", "experiment", "get").stdout)
    assert seen["id"] == 1


def test_work_goes_on_in_it(polyaxon: Tool, old: Server, work: Path) -> None:
    assert polyaxon("upload").exit_code == 0
    ran = polyaxon("run")
    assert (ran.exit_code, "was created" in ran.stdout) == (0, True)
    # The newest run is the one that is meant from now on.
    assert json.loads((work / ".polyaxon" / ".polyaxonxp").read_text())["id"] == 2
    assert json.loads(polyaxon("--json", "experiment", "get").stdout)["id"] == 2
    assert polyaxon("config", "set", "--verbose=false").exit_code == 0
    assert polyaxon("logout").exit_code == 0
