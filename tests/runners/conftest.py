from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scheduler.runners.local.processes import end_marked
from scheduler.runners.local.runner import LocalRunner
from scheduler.runners.local.state import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[LocalRunner]:
    """A runner of this machine; whatever a test leaves running is ended, by pid."""
    runner = LocalRunner(tmp_path / "runs")
    yield runner
    left = runner.shutdown(0.2)
    for state in runner.root.glob("*/[1-9]"):
        end_marked(f"{MARK}={state.parent.name}.{state.name}", 2)
    assert left == []
