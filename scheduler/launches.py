"""From the row of whatever the platform runs to what a runner needs."""

from __future__ import annotations

from polyaxon.db.models import BuildJob, NotebookJob, TensorboardJob
from scheduler import launch
from scheduler.build_launch import build_spec
from scheduler.passes.queue import Run
from scheduler.plugin_launch import notebook_spec, tensorboard_spec
from scheduler.runners.base import LaunchSpec


def launch_spec(run: Run, token: str) -> LaunchSpec:
    """By its kind. `token` is what an experiment or job identifies itself with; others have no need to."""
    if isinstance(run, NotebookJob):
        return notebook_spec(run)
    if isinstance(run, TensorboardJob):
        return tensorboard_spec(run)
    return build_spec(run) if isinstance(run, BuildJob) else launch.launch_spec(run, token)
