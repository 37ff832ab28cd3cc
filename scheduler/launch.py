"""From a run's rows to what a runner needs: command, environment, code, places. Pure but for reading rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from polyaxon import storage
from polyaxon.actions.new_trials import RENDERED
from polyaxon.db.models import Experiment, ExperimentGroup, ExperimentJob, Job
from polyaxon.db.models.abstract import Runnable
from polyaxon.errors import InvalidInput
from polyaxon_schemas import Rendered, Specification, parse
from scheduler import cluster_launch
from scheduler.read_outputs import read_outputs
from scheduler.runners.base import LaunchSpec

Run = Experiment | Job
POD_PATIENCE = 300  # seconds


def launch_spec(run: Run, token: str) -> LaunchSpec:
    """Prepare the run's outputs and render its command; `token` is what it identifies itself with."""
    rendered = _rendered(run)
    on_cluster = settings.CONFIG.on_cluster
    outputs = Path(cluster_launch.outputs_path(run, rendered)) if on_cluster else prepare_outputs(run)
    data = cluster_launch.data_paths(rendered) if on_cluster else settings.CONFIG.stores.data_paths
    log_path = storage.logs().local_path(run.sub_path)
    others = read_outputs(run, rendered)
    cluster = None
    if on_cluster:
        made = cluster_launch.cluster_spec(run, rendered, _pod_labels(run), api_url())
        cluster = others.added_to(made, str(outputs))
    return LaunchSpec(
        run=run.uuid.hex,
        attempt=run.attempt,
        command=rendered.command,
        env={**environment(run, rendered, outputs, log_path, data, token=token), **others.environment},
        repository=storage.repository_path(run.project) if commit_of(run) else None,
        commit=commit_of(run),
        log_path=log_path,
        outputs_path=outputs,
        cluster=cluster,
    )


def _rendered(run: Run) -> Rendered:
    rendered = run.__dict__.get(RENDERED) or _parsed(_file_of(run), _kind_of(run)).render(run.params or {})
    if not rendered.command:
        raise InvalidInput("the polyaxonfile has no run.cmd, so there is nothing to execute. Add a `run` section.")
    return rendered


def _kind_of(run: Run) -> str:
    return "experiment" if isinstance(run, Experiment) else "job"


@dataclass(frozen=True)
class _File:
    """A run's file. Files of the same `meaning` render the same with the same params."""

    meaning: Hashable
    content: str = field(compare=False)


def _file_of(run: Run) -> _File:
    """Those of the trials of one search differ in the values of params, and each trial has all of these in its row."""
    content = run.content or ""
    if isinstance(run, Experiment) and run.trial_index is not None:
        rest = json.loads(content)
        names = rest.pop("params", None) or {}
        if names.keys() <= (run.params or {}).keys():
            return _File((json.dumps(rest), *names), content)
    return _File(content, content)


@lru_cache(maxsize=100)
def _parsed(file: _File, kind: str) -> Specification:
    """Trials of one search have one file, and many other runs have that of the run before."""
    return parse(file.content, kind=kind)


def is_quick(run: Run) -> bool:
    """Whether nothing is copied before it starts, neither code nor what another run left; on a cluster its pod does."""
    return settings.CONFIG.on_cluster or (run.code_reference_id is None and run.cloning_strategy != "copy")


def commit_of(run: Runnable) -> str | None:
    """The commit whose code the run has; None without code."""
    reference = run.code_reference
    if reference is None or (reference.repo_id is None and reference.external_repo_id is None):
        return None
    return reference.commit


def prepare_outputs(run: Run) -> Path:
    """The folder that the run writes to. Made once and never emptied: a retried run finds what it left."""
    store = storage.outputs()
    place = run.outputs_owner.sub_path
    if run.cloning_strategy == "copy" and (original := getattr(run, "original_experiment", None)) is not None:
        store.copy(original.outputs_owner.sub_path, place)
    return store.prepare(place)


def environment(
    run: Run, rendered: Rendered, outputs: Path, log_path: Path, data: Mapping[str, str], *, token: str
) -> dict[str, str]:
    """The environment contract of a run, the same as a pod's. Structures are JSON."""
    values = {
        **platform_environment(rendered, outputs, log_path, data),
        "POLYAXON_SECRET_USER_TOKEN": token,
        "POLYAXON_PARAMS": json.dumps(rendered.params or None),
    }
    defaults = {"NVIDIA_VISIBLE_DEVICES": "all" if wants_gpu(rendered) else "none", **_patience()}
    # What the platform says of the run is true whatever its file says.
    info = _experiment_info(run) if isinstance(run, Experiment) else _job_info(run)
    return {**defaults, **rendered.env_vars, **values, **info}


def _patience() -> dict[str, str]:
    """How long the client keeps a process that has ended to send its last values while the API is away.

    Elsewhere they wait on the disk; that of a pod goes with it.
    """
    return {"POLYAXON_TIMEOUT": str(POD_PATIENCE)} if settings.CONFIG.on_cluster else {}


def platform_environment(rendered: Rendered, outputs: Path, log_path: Path, data: Mapping[str, str]) -> dict[str, str]:
    """What everything that the platform runs is told of it."""
    return {
        "POLYAXON_IN_CLUSTER": "true",
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_API_VERSION": "v1",
        "POLYAXON_API_HTTP_HOST": api_url(),
        "POLYAXON_API_WS_HOST": api_url().replace("http", "ws", 1),
        "POLYAXON_INTERNAL_HEADER": "X-POLYAXON-INTERNAL",
        "POLYAXON_INTERNAL_HEADER_SERVICE": "runner",
        "POLYAXON_AUTHENTICATION_TYPE": "Token",
        "POLYAXON_LOG_LEVEL": rendered.log_level,
        "POLYAXON_LOGS_PATH": str(log_path),
        "POLYAXON_RUN_OUTPUTS_PATH": str(outputs),
        "POLYAXON_RUN_DATA_PATHS": json.dumps(data),
    }


def api_url() -> str:
    """Address at which runs reach the API."""
    server = settings.CONFIG.server
    if server.api_host:
        return str(server.api_host).rstrip("/")
    host = "127.0.0.1" if server.host in {"0.0.0.0", "::", ""} else server.host  # noqa: S104 - compared only
    scheme = "https" if server.ssl_enabled else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.port}"


def wants_gpu(rendered: Rendered) -> bool:
    """Whether its file asks for GPUs."""
    resources = getattr(rendered.environment, "resources", None)
    gpu = getattr(resources, "gpu", None)
    return bool(gpu is not None and getattr(gpu, "limits", None))


def _experiment_info(run: Experiment) -> dict[str, str]:
    pod = f"plx-{run.uuid.hex}-{ExperimentJob.MASTER}-0"
    info = _pod_labels(run) | {"role": "polyaxon-workers", "type": "polyaxon-runner"}
    return {
        "POLYAXON_EXPERIMENT_INFO": json.dumps(info),
        "POLYAXON_TASK_INFO": json.dumps({"type": ExperimentJob.MASTER, "index": 0}),
        "POLYAXON_CLUSTER": json.dumps({ExperimentJob.MASTER: [f"{pod}:2222"]}),
    }


@lru_cache(maxsize=1000)
def _group_uuid(group: int) -> uuid.UUID:
    """Asked for by every trial, and the same for ever."""
    return ExperimentGroup._base_manager.values_list("uuid", flat=True).get(pk=group)


def _pod_labels(run: Run) -> dict[str, str]:
    """Names and uuids of what the run belongs to."""
    if not isinstance(run, Experiment):
        return item_labels(run, "job")
    found = item_labels(run, "experiment")
    if run.experiment_group_id is not None:
        found["experiment_group_name"] = f"{run.project.unique_name}.{run.experiment_group_id}"
        found["experiment_group_uuid"] = _group_uuid(run.experiment_group_id).hex
    return found


def _job_info(run: Run) -> dict[str, str]:
    return {"POLYAXON_JOB_INFO": json.dumps(item_labels(run, "job"))}


def item_labels(run: Runnable, kind: str) -> dict[str, str]:
    """What a pod of that kind is called by."""
    project: uuid.UUID = run.project.uuid
    return {
        "app": f"polyaxon-{kind}",
        "project_name": run.project.unique_name,
        "project_uuid": project.hex,
        f"{kind}_name": run.unique_name,  # type: ignore[attr-defined]
        f"{kind}_uuid": run.uuid.hex,
    }
