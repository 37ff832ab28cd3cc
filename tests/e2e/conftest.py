"""One server and one logged-in person per module: a start takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.person import Person
from tests.e2e.unchanged import Unchanged, differences, snapshot
from tests.embedded.server import Server


@pytest.fixture(scope="module")
def settings_of_server() -> dict[str, str]:
    """`POLYAXON_*` settings of the module's server; modules override it."""
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, settings_of_server: dict[str, str]) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server") / "data", **settings_of_server)
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="module")
def admin(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(server, tmp_path_factory.mktemp("admin")).log_in()


@pytest.fixture(scope="module")
def careful(admin: Person) -> str:
    """A project with code and one unmanaged run."""
    admin.cli("project", "create", "--name=careful")
    admin.cli("init", "admin/careful", "-y")
    (admin.work / "train.py").write_text("print('good')\n")
    admin.cli("upload")
    admin.http("POST", "admin/careful/experiments", {"is_managed": False, "name": "mine"})
    return "admin/careful"


@pytest.fixture
def unchanged(server: Server, careful: str) -> Unchanged:
    """`with unchanged():` what stands below it changes nothing on the server."""

    @contextmanager
    def check() -> Iterator[None]:
        before = snapshot(server)
        yield
        assert differences(before, snapshot(server)) == {}

    return check
