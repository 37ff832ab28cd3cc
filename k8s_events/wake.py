"""Pods that changed wake their runs, if anything follows from the change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from polyaxon.db.models import BuildJob, Experiment, Job, NotebookJob, TensorboardJob
from polyaxon.db.models.abstract import Runnable
from polyaxon.pods import PodPhase, SeenPod
from polyaxon.wakeups import wake_followers

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
    for pod in filter(matters, pods):
        runs[pod.kind].add(UUID(pod.run))
    for kind, found in runs.items():
        if kind in _KINDS:
            _wake(_KINDS[kind], sorted(found))


def matters(pod: SeenPod) -> bool:
    """Whether its run may have to know. That a pod gets along towards its start changes nothing of the run."""
    gets_along = pod.phase in {PodPhase.WAITING, PodPhase.STARTING}
    return not gets_along or pod.trouble is not None or pod.deleting_until is not None


def _wake(model: type[Runnable], runs: list[UUID]) -> None:
    for start in range(0, len(runs), AT_ONCE):
        wake_followers(model._base_manager.filter(uuid__in=runs[start : start + AT_ONCE]).only("pk"))
