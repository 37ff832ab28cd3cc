"""Pods that changed wake their runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from polyaxon.db.models import BuildJob, Experiment, Job, NotebookJob, TensorboardJob
from polyaxon.db.models.abstract import Runnable
from polyaxon.pods import SeenPod
from polyaxon.wakeups import wake_row

AT_ONCE = 500  # SQLite bounds the parameters of a query
# By the label `polyaxon.com/kind`.
_KINDS: dict[str, type[Runnable]] = {
    "experiment": Experiment,
    "job": Job,
    "build": BuildJob,
    "notebook": NotebookJob,
    "tensorboard": TensorboardJob,
}


def wake_runs(pods: Iterable[SeenPod]) -> None:
    """Wake the pass of each run that a pod is of, once."""
    runs: dict[str, set[UUID]] = defaultdict(set)
    for pod in pods:
        runs[pod.kind].add(UUID(pod.run))
    for kind, found in runs.items():
        if kind in _KINDS:
            _wake(_KINDS[kind], sorted(found))


def _wake(model: type[Runnable], runs: list[UUID]) -> None:
    for start in range(0, len(runs), AT_ONCE):
        for row in model._base_manager.filter(uuid__in=runs[start : start + AT_ONCE]).only("pk"):
            wake_row(row)
