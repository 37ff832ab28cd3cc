"""Completion in the shells themselves, by the scripts that the tool installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.person import Person
from tests.e2e.terminal import Session, plain
from tests.embedded.server import free_port
from tests.environments import do_without

pytestmark = pytest.mark.slow


# The tool, which after a TAB waits for an answer of the server however long that takes.
PATIENT_TOOL = """\
from polyaxon_cli import completion
from polyaxon_cli.main import main
completion.PATIENCE = 60.0
main()
"""


class Shells(Person):
    """Somebody with `polyaxon` on their path."""

    @property
    def environment(self) -> dict[str, str]:
        tool = self.home / "bin"
        tool.mkdir(exist_ok=True)
        if not (tool / "polyaxon").exists():
            (tool / "patient.py").write_text(PATIENT_TOOL)
            (tool / "polyaxon").write_text(f'#!/bin/sh\nexec {sys.executable} {tool}/patient.py "$@"\n')
            (tool / "polyaxon").chmod(0o755)
        # Where start files are looked for otherwise.
        kept = {key: value for key, value in super().environment.items() if not key.startswith(("XDG_", "ZDOTDIR"))}
        return {**kept, "PATH": f"{tool}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def person(admin: Person, tmp_path_factory: pytest.TempPathFactory) -> Shells:
    """With the project `journey` and its run 1, which recorded `loss`."""
    made = Shells(admin.server, tmp_path_factory.mktemp("shells"))
    made.log_in()
    made.cli("project", "create", "--name=journey", "--init")
    made.http("POST", "admin/journey/experiments", {"is_managed": False})
    made.http("POST", "admin/journey/experiments/1/metrics", {"values": {"loss": 0.5}})
    return made


@pytest.fixture
def lonely(person: Shells, tmp_path: Path) -> Shells:
    """Whose server is not there."""
    made = Shells(person.server, tmp_path / "lonely")
    made.cli("config", "set", "--host=127.0.0.1", f"--port={free_port()}")
    return made


def require(shell: str) -> str:
    if shutil.which(shell) is None:
        do_without(f"{shell} is not installed; `make test` as root on Debian installs it")
    return shell


# --- bash


def in_bash(person: Shells, words: str) -> list[str]:
    """What bash offers at the end of the line `words`."""
    typed = words.split(" ")
    listed = " ".join(f"'{word}'" for word in typed)
    script = (
        f"source '{person.home}/.bashrc'\n"
        f"COMP_WORDS=({listed}); COMP_CWORD={len(typed) - 1}\n"
        "_polyaxon_completion polyaxon; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    return offered(person, "bash", "--norc", "-c", script)


def offered(person: Shells, *command: str) -> list[str]:
    done = subprocess.run(
        command, cwd=person.work, env=person.environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


def test_bash_completes_projects_and_runs(person: Shells) -> None:
    (person.home / ".bashrc").write_text("export MINE=1")
    person.cli("completion", "bash")
    person.cli("completion", "bash")
    lines = (person.home / ".bashrc").read_text().splitlines()
    assert lines[0] == "export MINE=1"
    assert len(lines) == 2
    assert in_bash(person, "polyaxon proj") == ["project"]
    assert in_bash(person, "polyaxon project get -p jour") == ["journey"]
    assert in_bash(person, "polyaxon experiment get -xp ") == ["1"]
    assert in_bash(person, "polyaxon group top ") == []
    assert in_bash(person, "polyaxon experiment plot 1 lo") == ["loss"]
    assert in_bash(person, "polyaxon experiment plot ") == ["1", "loss"]


def test_bash_offers_nothing_without_a_server(lonely: Shells) -> None:
    lonely.cli("completion", "bash", str(lonely.home / ".bashrc"))
    began = time.monotonic()
    assert in_bash(lonely, "polyaxon project get -p jour") == []
    assert time.monotonic() - began < 50  # not as long as it waits for an answer


# --- fish


def in_fish(person: Shells, words: str) -> list[str]:
    """What fish offers; descriptions left out."""
    return offered(person, require("fish"), "-c", f"complete -C '{words}'")


def test_fish_completes_projects_and_runs(person: Shells) -> None:
    require("fish")
    person.cli("completion", "fish")
    assert in_fish(person, "polyaxon proj") == ["project"]
    assert in_fish(person, "polyaxon project get -p jour") == ["journey"]
    assert in_fish(person, "polyaxon experiment get -xp ") == ["1"]
    assert in_fish(person, "polyaxon experiment plot 1 lo") == ["loss"]


def test_fish_offers_nothing_without_a_server(lonely: Shells) -> None:
    require("fish")
    lonely.cli("completion", "fish")
    assert in_fish(lonely, "polyaxon project get -p jour") == []


# --- zsh, which completes only for who types


@pytest.mark.parametrize("start", ["", "autoload -Uz compinit\ncompinit -i\n"], ids=["a new account", "with compinit"])
def test_zsh_completes_projects_and_runs_as_they_are_typed(person: Shells, start: str) -> None:
    (person.home / ".zshrc").write_text(f"{start}PS1='ready> '\n")
    person.cli("completion", require("zsh"))
    shell = Session(person, "-i", program=["zsh"])
    try:
        shell.read_until("ready> ")
        # What is completed is run: its output tells whether it was right.
        shell.type("polyaxon proj\tget -p jour\t-o unique_name\r")
        assert "admin.journey" in plain(shell.read_until("admin.journey"))
        shell.type("polyaxon experiment get -xp \t -o last_metric.loss\r")
        shell.read_until("0.5")
        shell.type("exit\r")
        assert shell.end().code == 0
    finally:
        shell.process.kill()
