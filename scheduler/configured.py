"""The runner that the configuration names, one per process: it remembers what it measured last."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from django.conf import settings

from polyaxon import storage
from scheduler.runners.local.runner import LocalRunner


@functools.cache
def configured_runner() -> LocalRunner:
    """The runner of this installation."""
    assert settings.CONFIG.runner.runner_backend == "local"
    # Commands find the Python that the platform itself runs on, with the tracking client in it.
    return LocalRunner(storage.runs_root(), python_path=[Path(sys.executable).parent])
