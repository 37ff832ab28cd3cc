from __future__ import annotations

from tests.runners.contract import RunnerContract, repository

__all__ = ["repository"]


class TestLocalRunner(RunnerContract):
    pass
