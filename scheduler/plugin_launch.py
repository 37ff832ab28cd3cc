"""From the row of a notebook or tensorboard to what a runner needs. Reads rows, changes none."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from django.conf import settings

from polyaxon import storage
from polyaxon.db.models import ExperimentGroup, NotebookJob, TensorboardJob
from polyaxon.security import tokens
from polyaxon.security.service_tokens import service_token
from polyaxon_schemas import parse
from scheduler import cluster_launch, service_commands
from scheduler.launch import api_url, commit_of, item_labels, platform_environment, wants_gpu
from scheduler.read_outputs import read_outputs
from scheduler.runners.base import LaunchSpec

if TYPE_CHECKING:
    from polyaxon_schemas import Rendered
    from scheduler.runners.base import Service

# Where a service listens in a pod: the platform comes from outside of it.
POD_HOST = "0.0.0.0"  # noqa: S104 - in a pod


def notebook_spec(run: NotebookJob) -> LaunchSpec:
    """A notebook server over the project's code, with outputs of its own."""
    rendered = _rendered(run, "notebook")
    on_cluster = settings.CONFIG.on_cluster
    served = service_commands.notebook(
        run.proxy_path, run.backend or "notebook", settings.CONFIG.code.notebooks_command
    )
    outputs = Path(cluster_launch.outputs_path(run, rendered)) if on_cluster else _own_outputs(run)
    data = cluster_launch.data_paths(rendered) if on_cluster else settings.CONFIG.stores.data_paths
    log_path = storage.logs().local_path(run.sub_path)
    secret = service_token(run.uuid)
    others = read_outputs(run, rendered)
    env = {
        **rendered.env_vars,
        "NVIDIA_VISIBLE_DEVICES": "all" if wants_gpu(rendered) else "none",
        **platform_environment(rendered, outputs, log_path, data),
        **others.environment,
        **_service_environment(served.service),
        "POLYAXON_SECRET_USER_TOKEN": tokens.issue(run.user, run=run.uuid),
        "POLYAXON_NOTEBOOK_INFO": json.dumps(item_labels(run, "notebook")),
        "POLYAXON_SERVICE_TOKEN": secret,
        "JUPYTER_TOKEN": secret,
    }
    cluster = None
    if on_cluster:
        labels = item_labels(run, "notebook")
        made = cluster_launch.notebook_spec(run, rendered, labels, api_url(), served.service)
        cluster = others.added_to(made, str(outputs))
    commit = commit_of(run)
    return LaunchSpec(
        run=run.uuid.hex,
        attempt=run.attempt,
        command=served.command,
        env=env,
        repository=storage.repository_path(run.project) if commit else None,
        commit=commit,
        log_path=log_path,
        outputs_path=outputs,
        cluster=cluster,
        service=served.service,
    )


def tensorboard_spec(run: TensorboardJob) -> LaunchSpec:
    """A tensorboard of the outputs of its experiment, its group, or its project. It has no token: it asks nothing."""
    rendered = _rendered(run, "tensorboard")
    on_cluster = settings.CONFIG.on_cluster
    places = shown_places(run)
    served = service_commands.tensorboard(
        run.proxy_path, settings.CONFIG.code.tensorboards_command, has_names=len(places) != 1 or "" not in places
    )
    labels = item_labels(run, "tensorboard")
    if on_cluster:
        cluster, root = cluster_launch.tensorboard_spec(run, rendered, labels, served.service, list(places.values()))
        outputs = Path("outputs")  # nothing is written
    else:
        cluster, root, outputs = None, str(settings.CONFIG.root(settings.CONFIG.stores.outputs_root)), _own_outputs(run)
    env = {
        **rendered.env_vars,
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_TENSORBOARD_INFO": json.dumps(labels),
        **_service_environment(served.service),
        "POLYAXON_SERVICE_FOLDER": _folders(root, places),
    }
    return LaunchSpec(
        run=run.uuid.hex,
        attempt=run.attempt,
        command=served.command,
        env=env,
        repository=None,
        commit=None,
        log_path=storage.logs().local_path(run.sub_path),
        outputs_path=outputs,
        cluster=cluster,
        service=served.service,
    )


def shown_places(run: TensorboardJob) -> dict[str, str]:
    """Places below the root of outputs by the name that they are shown by; one without a name is shown alone."""
    project = f"{run.project.owner.name}/{run.project.name}"
    if run.experiment is not None:
        return {"": run.experiment.outputs_owner.sub_path}
    group = run.experiment_group
    if group is None:
        return {"": project}
    if group.group_type != ExperimentGroup.SELECTION:
        return {"": f"{project}/groups/{group.pk}"}
    chosen = group.selection_experiments.filter(project=run.project, deleted=False).order_by("pk")
    return {each.unique_name: each.outputs_owner.sub_path for each in chosen.select_related("project__owner")}


def _folders(root: str, places: dict[str, str]) -> str:
    named = {name: str(PurePosixPath(root, place)) for name, place in places.items()}
    return ",".join(f"{name}:{path}" if name else path for name, path in named.items())


def _rendered(run: NotebookJob | TensorboardJob, kind: str) -> Rendered:
    return parse(run.content or "", kind=kind).render({})


def _own_outputs(run: NotebookJob | TensorboardJob) -> Path:
    return storage.outputs().prepare(run.sub_path)


def _service_environment(service: Service) -> dict[str, str]:
    """What its command reads. A runner that gives it an address of its own says so itself."""
    return {
        "POLYAXON_SERVICE_HOST": POD_HOST,
        "POLYAXON_SERVICE_PORT": str(service.port),
        "POLYAXON_SERVICE_PATH": service.path,
    }
