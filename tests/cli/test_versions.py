"""Whether the tool fits the server: said on terminals only, once a day, and never waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polyaxon_cli import __version__, state
from polyaxon_cli.versions import DAY, advice
from tests.e2e.terminal import Seen, plain, seen

if TYPE_CHECKING:
    from tests.cli.wire_server import Platform

CLIENT = Path(__file__).resolve().parents[2] / "client"
OLD = {"min_version": "9.0.0", "latest_version": "9.1.0"}
NEWER = {"min_version": "0.6.0", "latest_version": "9.1.0"}
FITS = {"min_version": "0.6.0", "latest_version": __version__}


@dataclass
class Somebody:
    work: Path
    more: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key != "CI"}
        return {**kept, "PYTHONPATH": str(CLIENT), **self.more}


def on_a_terminal(work: Path, *arguments: str, **environment: str) -> Seen:
    shown = seen(Somebody(work, environment), *arguments)
    return Seen(shown.code, plain(shown.text))


def asked(platform: Platform) -> int:
    return sum(request.path.endswith("versions/cli/") for request in platform.requests)


def wait_until_checked(since: int = 0) -> None:
    """Until what asks in the background has kept the answer."""
    deadline = time.monotonic() + 60
    while state.CLI.read().get("checked_at", -1) < since:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("least", "latest", "says"),
    [
        ("0.6.0", "0.7.0", None),
        ("0.7.0", "0.7.0", None),
        ("0.6.0", "0.7.9", "0.7.9 is out"),
        ("0.7.1", "0.8.0", "takes 0.7.1 at least: run `polyaxon upgrade`"),
        ("0.5.0", "0.6.1", "the server knows 0.6.1"),
        ("0.6.0", "0.10.0rc1", "0.10.0rc1 is out"),
    ],
)
def test_advice(least: str, latest: str, says: str | None) -> None:
    told = advice(least, latest, "0.7.0")
    assert (told is None) if says is None else (says in (told or ""))


def test_a_newer_release_is_asked_for_and_told_once_a_day(platform: Platform, work: Path) -> None:
    platform.versions = NEWER
    platform.versions_ready.clear()
    assert on_a_terminal(work, "project", "list") == Seen(0, "No projects found.\n")
    platform.versions_ready.set()
    wait_until_checked()
    told = f"Warning: This tool is {__version__}, and 9.1.0 is out: `polyaxon upgrade` brings it.\n"
    assert on_a_terminal(work, "project", "list") == Seen(0, f"No projects found.\n{told}")
    assert on_a_terminal(work, "project", "list") == Seen(0, "No projects found.\n")
    assert asked(platform) == 1
    yesterday = int(time.time()) - DAY
    state.CLI.merge({"checked_at": yesterday, "told_at": yesterday, "asked_at": yesterday})
    assert told in on_a_terminal(work, "project", "list").text
    wait_until_checked(yesterday + 1)
    assert asked(platform) == 2


def test_a_tool_that_is_too_old_is_told_with_every_command(platform: Platform, work: Path) -> None:
    platform.versions = OLD
    on_a_terminal(work, "project", "list")
    wait_until_checked()
    for _ in range(2):
        shown = on_a_terminal(work, "project", "list")
        assert shown.code == 0
        assert "the server takes 9.0.0 at least: run `polyaxon upgrade`" in shown.text
    assert asked(platform) == 1


def test_one_that_fits_is_told_nothing(platform: Platform, work: Path) -> None:
    platform.versions = FITS
    on_a_terminal(work, "project", "list")
    wait_until_checked()
    assert on_a_terminal(work, "project", "list") == Seen(0, "No projects found.\n")


def test_nobody_waits_for_the_answer(platform: Platform, work: Path) -> None:
    platform.versions = OLD
    platform.versions_ready.clear()
    assert on_a_terminal(work, "whoami").code == 0
    assert on_a_terminal(work, "whoami").code == 0
    assert "checked_at" not in state.CLI.read()
    platform.versions_ready.set()
    # Nor is it asked again before an hour has gone by.
    wait_until_checked()
    assert asked(platform) == 1


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--json", "project", "list"], {}),
        (["--offline", "project", "list"], {}),
        (["project", "list"], {"CI": "true"}),
        (["config", "list"], {}),
        (["version"], {}),
        (["logout"], {}),
    ],
)
def test_where_it_is_not_asked(
    platform: Platform, work: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    platform.versions = OLD
    shown = on_a_terminal(work, *arguments, **environment)
    assert "at least: run" not in shown.text
    assert "asked_at" not in state.CLI.read()
    assert asked(platform) == (1 if arguments == ["version"] else 0)


def test_it_can_be_turned_off(platform: Platform, work: Path) -> None:
    platform.versions = OLD
    assert "updated" in on_a_terminal(work, "config", "set", "--check-version=false").text
    assert "Warning" not in on_a_terminal(work, "project", "list").text
    assert not state.CLI.exists()


def test_json_behind_the_name_of_a_command_stays_json(platform: Platform, work: Path) -> None:
    state.CLI.write({**OLD, "checked_at": int(time.time())})
    shown = on_a_terminal(work, "project", "list", "--json")
    assert json.loads(shown.text)["count"] == 0


def test_scripts_hear_nothing(platform: Platform, work: Path) -> None:
    state.CLI.write({**OLD, "checked_at": int(time.time())})
    done = subprocess.run(
        [sys.executable, "-m", "polyaxon_cli", "project", "list"],
        env=Somebody(work, {}).environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stderr, asked(platform)) == ("", 0)


def test_a_damaged_memory_is_written_anew(platform: Platform, work: Path) -> None:
    state.CLI.path.write_text("{no json")
    assert on_a_terminal(work, "project", "list").code == 0
    wait_until_checked()
    assert state.CLI.read()["current_version"] == __version__


def test_what_is_wrong_with_the_server_is_told_by_the_command_alone(
    platform: Platform, work: Path, unused_port: int
) -> None:
    state.CONFIG.merge({"port": str(unused_port)})
    shown = on_a_terminal(work, "project", "list")
    assert shown.code == 1
    assert shown.text.startswith("Error: No connection to")
    assert len(shown.text.splitlines()) == 1
