"""config, login, logout, whoami, version."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from polyaxon_cli import state
from tests.cli.wire_server import PASSWORD, TOKEN, USER, Platform, Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]


def test_config_set_writes_the_file_and_says_updated(polyaxon: Tool, home: Path) -> None:
    result = polyaxon("config", "set", "--host=example.org", "--port=8000", "--use_https=false")
    assert (result.exit_code, "updated" in result.stdout) == (0, True)
    stored = json.loads((home / ".polyaxon" / ".polyaxonconfig").read_text())
    assert stored == {
        "verbose": False, "host": "example.org", "port": "8000", "use_https": False, "verify_ssl": None,
    }  # fmt: skip


def test_config_set_merges_and_forgets_what_the_old_server_said(polyaxon: Tool) -> None:
    state.CONFIG.write({"host": "a", "port": "1", "ws_port": 1337})
    state.CLI.write({"check_count": 3})
    assert polyaxon("config", "set", "--port=2").exit_code == 0
    assert (state.CONFIG.read()["host"], state.CONFIG.read()["port"]) == ("a", "2")
    assert state.CONFIG.read()["ws_port"] == 1337
    assert not state.CLI.exists()


@pytest.mark.parametrize("arguments", [["config", "--list"], ["config", "-l"], ["config", "list"]])
def test_config_list(polyaxon: Tool, arguments: list[str]) -> None:
    state.CONFIG.write({"host": "example.org"})
    result = polyaxon(*arguments)
    assert result.exit_code == 0
    assert ["host", "example.org"] in [line.split() for line in result.stdout.splitlines()]


def test_config_get(polyaxon: Tool) -> None:
    state.CONFIG.write({"host": "example.org"})
    assert polyaxon("config", "get", "host", "port").stdout == "host  example.org\nport  80\n"
    assert json.loads(polyaxon("--json", "config", "get", "host").stdout) == {"host": "example.org"}


def test_config_get_names_unknown_keys(polyaxon: Tool) -> None:
    result = polyaxon("config", "get", "hots")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Unknown settings: hots. There are: check_version, host,")


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_wrong_usage(polyaxon: Tool, port: str) -> None:
    assert polyaxon("config", "set", f"--port={port}").exit_code == 2
    assert not state.CONFIG.exists()


def test_config_purge(polyaxon: Tool) -> None:
    state.CONFIG.write({"host": "a"})
    state.CLI.write({})
    assert polyaxon("config", "purge").exit_code == 0
    assert (state.CONFIG.exists(), state.CLI.exists()) == (False, False)


def test_a_damaged_config_can_be_purged(polyaxon: Tool) -> None:
    state.CONFIG.write({})
    state.CONFIG.path.write_text("{")
    assert polyaxon("whoami").exit_code == 1
    assert polyaxon("config", "purge").exit_code == 0
    assert not state.CONFIG.exists()


@pytest.fixture
def configured(server: Server) -> Server:
    state.CONFIG.write({"host": "127.0.0.1", "port": str(server.port)})
    return server


def assert_logged_in(result: Result, home: Path) -> None:
    assert (result.exit_code, "success" in result.stdout) == (0, True), result.output
    assert state.AUTH.read() == {"username": USER, "token": TOKEN}
    assert stat.S_IMODE((home / ".polyaxon" / ".polyaxonauth").stat().st_mode) == 0o600
    assert state.CLI.read()["check_count"] == 0
    assert state.CLI.read()["min_version"] == "0.6.0"


def test_login_with_a_password(polyaxon: Tool, configured: Server, home: Path) -> None:
    assert_logged_in(polyaxon("login", "-u", USER, "-p", PASSWORD), home)
    sent = configured.platform.requests[0]
    assert (sent.method, sent.path) == ("POST", "/api/v1/users/token/")
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


def test_login_asks_for_the_password(polyaxon: Tool, configured: Server, home: Path) -> None:
    result = polyaxon("login", "-u", USER, stdin=f"{PASSWORD}\n")
    assert_logged_in(result, home)
    assert PASSWORD not in result.output


def test_login_with_the_password_from_a_pipe(polyaxon: Tool, configured: Server, home: Path) -> None:
    assert_logged_in(polyaxon("login", "-u", USER, "--password-stdin", stdin=f"{PASSWORD}\n"), home)


def test_login_with_a_token(polyaxon: Tool, configured: Server, home: Path) -> None:
    assert_logged_in(polyaxon("login", "-t", TOKEN), home)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-u", USER, "-p", "wrong"], "Login failed: Unable to log in with provided credentials"),
        (["-t", "wrong"], "does not accept this token"),
    ],
)
def test_a_refused_login_changes_nothing(polyaxon: Tool, configured: Server, arguments: list[str], said: str) -> None:
    state.AUTH.write({"username": "before", "token": "x"})
    result = polyaxon("login", *arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert state.AUTH.read() == {"username": "before", "token": "x"}


def test_logout_asks_nobody(polyaxon: Tool) -> None:
    state.AUTH.write({"token": "x"})
    state.CLI.write({})
    assert polyaxon("logout").exit_code == 0
    assert (state.AUTH.exists(), state.CLI.exists()) == (False, False)


def test_whoami(polyaxon: Tool, platform: Platform) -> None:
    assert polyaxon("whoami").stdout == "username  ada\nemail     ada@example.org\n"
    assert json.loads(polyaxon("whoami", "--json").stdout)["username"] == USER


def test_version_needs_no_server(polyaxon: Tool) -> None:
    result = polyaxon("version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "polyaxon")


def test_version_shows_what_the_server_wants(polyaxon: Tool, platform: Platform) -> None:
    assert ["min_version", "0.6.0"] in [line.split() for line in polyaxon("version", "--cli").stdout.splitlines()]


def test_global_settings_are_per_home(polyaxon: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.CONFIG.write({"host": "first"})
    (tmp_path / "second").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "second"))
    assert polyaxon("config", "get", "host").stdout.split() == ["host", "localhost"]
