from __future__ import annotations

from collections.abc import Iterator

import pytest

from scheduler.configured import configured_runner


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """No run outlives its test, and the next one finds a runner that takes work."""
    yield
    runner = configured_runner()
    runner.shutdown(0.1)
    runner.reopen()
