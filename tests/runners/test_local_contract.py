from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from scheduler.runners.base import LaunchRefused, Phase
from tests.runners.contract import RunnerContract, ServiceContract, repository

if TYPE_CHECKING:
    from pathlib import Path

    from scheduler.runners.local.runner import LocalRunner

__all__ = ["repository"]


class TestLocalRunner(RunnerContract):
    pass


class TestLocalServices(ServiceContract):
    def test_a_program_that_is_not_installed_is_named(self, runner: LocalRunner, tmp_path: Path) -> None:
        service = replace(self.service(), program="no-such-jupyter", advice="pip install notebook")
        spec = replace(self.spec(tmp_path, "exec no-such-jupyter"), service=service)
        with pytest.raises(LaunchRefused, match="no program `no-such-jupyter`; pip install notebook"):
            runner.submit(spec)
        assert runner.observe(spec.run, 1).phase is Phase.ABSENT

    def test_it_listens_on_loopback_only(self, runner: LocalRunner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, self.command())
        runner.submit(spec)
        assert self.wait_ready(runner, spec).startswith("127.0.0.1:")
        assert shutil.which("python3")
