"""One server and one logged-in person per module: a start takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.person import Person
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
