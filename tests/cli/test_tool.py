"""The tool as a whole: help, start-up time, failures, exit codes, as a real process where that matters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from polyaxon_cli import state
from polyaxon_cli.commands import experiment
from polyaxon_cli.main import COMMANDS, cli
from tests.cli.wire_server import TOKEN, USER, Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    Tool = Callable[..., Result]

CLIENT = Path(__file__).resolve().parents[2] / "client"


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`polyaxon ...` as a process of its own, in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(CLIENT), **options.pop("env", {})}
    command = [sys.executable, "-m", "polyaxon_cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **options)


def command_paths() -> Iterator[tuple[str, ...]]:
    context = click.Context(cli)
    for name in COMMANDS:
        yield (name,)
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, child) for child in command.list_commands(context))


@pytest.mark.parametrize("path", list(command_paths()), ids=" ".join)
def test_every_command_has_help_without_a_server(polyaxon: Tool, path: tuple[str, ...]) -> None:
    result = polyaxon(*path, "--help")
    assert result.exit_code == 0
    usage, _, rest = result.stdout.partition("\n\n")
    assert usage.startswith(f"Usage: polyaxon {' '.join(path)}")
    assert rest.strip().splitlines()[0].strip()


def test_all_commands_of_the_overview_exist() -> None:
    paths = set(command_paths())
    for name in (
        "get",
        "list",
        "logs",
        "metrics",
        "statuses",
        "stop",
        "resume",
        "restart",
        "outputs",
        "update",
        "delete",
        "jobs",
    ):
        assert ("experiment", name) in paths
    for name in ("get", "list", "experiments", "statuses", "metrics", "stop", "delete", "top"):
        assert ("group", name) in paths
    for name in ("get", "statuses", "logs", "stop", "restart", "outputs"):
        assert ("job", name) in paths
    assert ("group", "logs") not in paths
    assert experiment.experiment.name == "experiment"


HELP = "from polyaxon_cli.main import cli\ntry:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"


def loaded_by(program: str) -> set[str]:
    """The modules that are loaded at the end of a program."""
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules, file=sys.stderr)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_imports_little_and_no_library_but_click() -> None:
    """What is loaded is nearly all the time that it takes; seconds would tell of the machine."""
    loaded = loaded_by(HELP) - loaded_by("import click")
    heavy = {"rich", "httpx", "pydantic", "yaml", "pathspec", "polyaxon_schemas", "polyaxon_client"}
    slow = {"asyncio", "ssl", "subprocess", "urllib.request", "http.client", "importlib.metadata"}
    assert (heavy | slow) & loaded == set()
    assert [name for name in loaded if name.startswith("polyaxon_cli.commands")] == []
    assert len(loaded) < 60


def test_a_whole_run_as_processes(project: dict[str, Any], platform: Platform, work: Path) -> None:
    (work / "polyaxonfile.yaml").write_text("version: 1\nkind: experiment\nrun: {cmd: ls}\n")
    uploaded = process("upload")
    assert (uploaded.returncode, uploaded.stderr) == (0, "")
    platform.script = ("succeeded",)
    done = process("run", "-l", "--watch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines.pop(2).split()[0] == "page"
    assert lines == [
        "Experiment `1` was created.",
        "  code    commit 0123456789ab of ada/digits",
        "  follow  polyaxon experiment -xp 1 logs",
        "2026-01-02 03:04:07 UTC -- now succeeded",
        "The experiment 1 ended as succeeded.",
    ]  # fmt: skip


def test_an_unreachable_server_is_one_line(polyaxon: Tool, unused_port: int) -> None:
    state.CONFIG.write({"host": "127.0.0.1", "port": str(unused_port)})
    state.AUTH.write({"username": USER, "token": TOKEN})
    done = process("project", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: No connection to http://127.0.0.1:{unused_port}")
    assert "polyaxon config set" in done.stderr


def test_without_a_server_the_next_step_is_told(polyaxon: Tool) -> None:
    state.AUTH.write({"username": USER, "token": TOKEN})
    result = polyaxon("project", "list")
    assert (result.exit_code, result.stderr) == (
        1, "Error: No server is configured. Run `polyaxon config set --host=HOST --port=PORT`.\n",
    )  # fmt: skip


def test_without_a_login_the_next_step_is_told(polyaxon: Tool, platform: Platform) -> None:
    state.AUTH.delete()
    result = polyaxon("project", "list")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: You are not logged in. Run `polyaxon login -u USER`.\n",
    )


def test_an_expired_token_points_to_login(polyaxon: Tool, platform: Platform) -> None:
    state.AUTH.write({"username": USER, "token": "old"})
    result = polyaxon("whoami")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Invalid token (401 on ")
    assert result.stderr.endswith("Run `polyaxon login`.\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["project", "nonsense"], ["project", "create"], ["run", "--no"]])
def test_wrong_usage_is_exit_code_2(polyaxon: Tool, arguments: list[str]) -> None:
    result = polyaxon(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_verbose_logs_the_requests_on_stderr(platform: Platform) -> None:
    done = process("-v", "whoami")
    assert done.returncode == 0
    assert "/api/v1/users/" in done.stderr
    assert TOKEN not in done.stderr
    assert done.stdout.startswith("username")


def test_what_nobody_expected_is_one_line_without_a_traceback(
    polyaxon: Tool, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state.StateFile, "read", lambda _: {}["gone"])
    result = polyaxon("whoami")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Unexpected problem: KeyError: 'gone'. ")
    assert len(result.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_traceback(project: dict[str, Any], platform: Platform) -> None:
    for number in range(3):
        platform.add_project(f"p{number}")
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    command = f"{sys.executable} -m polyaxon_cli project list | true"
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_a_read_only_folder_is_named(polyaxon: Tool, platform: Platform, home: Path) -> None:
    (home / ".polyaxon" / ".polyaxonauth").unlink()
    state.CONFIG.path.unlink()
    state.CONFIG.path.parent.rmdir()
    state.CONFIG.path.parent.write_text("a file where the folder should be")
    result = polyaxon("config", "set", "--host=a")
    assert result.exit_code == 1
    assert ".polyaxonconfig" in result.stderr
    assert len(result.stderr.splitlines()) == 1
