"""Every test of the tool has a home and a working folder of its own, and no settings from outside."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from polyaxon_cli import following, state
from polyaxon_cli.main import cli
from tests.cli.wire_server import TOKEN, USER, Platform, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; the current folder is another empty one."""
    for name in list(os.environ):
        if name.startswith("POLYAXON_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path / "work")
    return folder


@pytest.fixture
def work(home: Path) -> Path:
    """The current folder."""
    return home.parent / "work"


@pytest.fixture
def polyaxon() -> Callable[..., Result]:
    """Runs the tool in this process: `polyaxon("project", "list")`."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=stdin, prog_name="polyaxon")

    return invoke


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server, not yet known to the tool."""
    running = Server()
    yield running
    running.close()


@pytest.fixture
def platform(server: Server, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The server's state; the tool is configured and logged in, and waits only shortly between two looks."""
    monkeypatch.setattr(following, "INTERVAL", 0.02)
    monkeypatch.setattr(following, "LOG_INTERVAL", 0.02)
    state.CONFIG.write({"host": "127.0.0.1", "port": str(server.port)})
    state.AUTH.write({"username": USER, "token": TOKEN})
    return server.platform


@pytest.fixture
def project(platform: Platform) -> dict[str, Any]:
    """A project that the current folder is linked to."""
    made = platform.add_project("digits")
    state.PROJECT.write(made)
    return made


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that nobody listens on: it is held, so that no other process is given it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
