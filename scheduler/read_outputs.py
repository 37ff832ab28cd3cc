"""Where a run finds the outputs of the other runs that its file names (`environment.outputs`)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings

from polyaxon import storage
from polyaxon.actions.outputs_refs import outputs_refs
from polyaxon.db.models import Experiment, Job, NotebookJob
from scheduler import cluster_launch
from scheduler.runners.kubernetes.spec import Bucket, Volume

if TYPE_CHECKING:
    from polyaxon_schemas import Rendered
    from scheduler.runners.kubernetes.spec import ClusterSpec


@dataclass(frozen=True, slots=True)
class ReadOutputs:
    """`paths`: by the file's key, in its order. `stores`: what pods need to see them; none for local runs."""

    paths: dict[str, list[str]]
    stores: tuple[Volume | Bucket, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What the run is told; nothing, if it reads nothing."""
        return {"POLYAXON_REFS_OUTPUTS_PATHS": json.dumps(self.paths)} if any(self.paths.values()) else {}

    def added_to(self, spec: ClusterSpec, own: str) -> ClusterSpec:
        """With the stores, but for the run's `own` outputs (a sub-path of the store), which it has already."""
        mine = getattr(spec.outputs, "mount_path", None) or getattr(spec.outputs, "path", own)
        reads = [each for each in self.stores if isinstance(each, Volume) and each.mount_path != mine]
        downloads = [each for each in self.stores if isinstance(each, Bucket) and each.path != mine]
        return replace(spec, reads=tuple(reads), downloads=(*spec.downloads, *downloads))


def read_outputs(run: Experiment | Job | NotebookJob, rendered: Rendered) -> ReadOutputs:
    """Raises `InvalidInput` for what is not there any more, or may not be read any more."""
    refs = outputs_refs(run.project, run.user, rendered.environment)
    if not settings.CONFIG.on_cluster:
        return ReadOutputs(
            {"jobs": [_local(each) for each in refs.jobs], "experiments": [*map(_local, refs.experiments)]}
        )
    places = {id(each): _place(each, number) for number, each in enumerate(refs)}
    paths: dict[str, Any] = {
        "jobs": [_path(places[id(each)]) for each in refs.jobs],
        "experiments": [_path(places[id(each)]) for each in refs.experiments],
    }
    return ReadOutputs(paths, tuple({_path(each): each for each in places.values()}.values()))


def _local(run: Experiment | Job) -> str:
    return str(storage.outputs().local_path(run.outputs_owner.sub_path))


def _place(run: Experiment | Job, number: int) -> Volume | Bucket:
    """Read only; what is in an object store is copied once, at the start."""
    place = cluster_launch.outputs_of(run)
    if isinstance(place, Bucket):
        return replace(place, name=f"{place.name}-read-{number}")
    return replace(place, read_only=True)


def _path(place: Volume | Bucket) -> str:
    return place.mount_path if isinstance(place, Volume) else place.path
