from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A started server on an empty folder."""
    running = Server(tmp_path / "data")
    try:
        yield running.start()
    finally:
        running.close()
