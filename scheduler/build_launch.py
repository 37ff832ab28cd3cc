"""From the row of a build to what a runner needs."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from polyaxon import storage
from polyaxon.db.models import BuildJob
from polyaxon.errors import InvalidInput
from polyaxon_schemas import parse
from scheduler import cluster_launch
from scheduler.builds.recipes import context_of, dockerfile_of
from scheduler.builds.registries import configured, registry
from scheduler.launch import api_url, commit_of, item_labels
from scheduler.runners.base import LaunchSpec
from scheduler.runners.kubernetes.spec import Build

if TYPE_CHECKING:
    from polyaxon_schemas import Rendered
    from polyaxon_schemas.checking import AnyBuild

NO_BUILDS = (
    "The server runs on the local runner, which builds no images. Experiments and jobs run without one. "
    "With POLYAXON_LOCAL_DOCKER_HOST it has them built by Docker."
)
PROGRAM = Path(__file__).parent / "builds" / "docker_build.py"  # imports Docker's client, which takes a moment


def build_spec(run: BuildJob) -> LaunchSpec:
    """What makes the image, from the code of the build's commit. Its row keeps the Dockerfile for people to read.

    Raises `InvalidInput`.
    """
    on_cluster = settings.CONFIG.on_cluster
    if not on_cluster and not settings.CONFIG.runner.local_docker_host:
        raise InvalidInput(NO_BUILDS)
    rendered = parse(run.content or "", kind="build").render({})
    section, commit = section_of(rendered), commit_of(run)
    text = dockerfile_of(run, section, commit)
    if text != run.dockerfile:
        BuildJob._base_manager.filter(pk=run.pk).update(dockerfile=text)
    return _in_pod(run, rendered, text, commit) if on_cluster else _by_docker(run, rendered, text, commit)


def _in_pod(run: BuildJob, rendered: Rendered, text: str, commit: str | None) -> LaunchSpec:
    section, target = section_of(rendered), registry()
    build = Build(
        backend=run.backend or "native",
        destination=f"{target.push_host}/{run.image}",
        dockerfile=text,
        context=context_of(section),
        is_insecure=target.is_insecure,
        no_cache=bool(section.nocache),
        registry_secret=target.secret,
    )
    cluster = cluster_launch.build_spec(run, rendered, item_labels(run, "job"), api_url(), build)
    # There are no outputs but the image.
    return replace(_launch(run, commit), outputs_path=Path("outputs"), cluster=cluster)


def _by_docker(run: BuildJob, rendered: Rendered, text: str, commit: str | None) -> LaunchSpec:
    """A process that has a daemon do it. Without a registry the image stays with the daemon."""
    section, target, launch = section_of(rendered), configured(), _launch(run, commit)
    storage.outputs().prepare(run.sub_path)
    path = launch.outputs_path / "Dockerfile"
    path.write_text(text)
    plan = {
        "host": settings.CONFIG.runner.local_docker_host,
        "dockerfile": str(path),
        "context": context_of(section),
        "destination": f"{target.pull_host}/{run.image}" if target else run.image,
        "no_cache": bool(section.nocache),
        "push": target is not None,
    }
    command = f"exec {shlex.quote(sys.executable)} -I {shlex.quote(str(PROGRAM))}"
    return replace(launch, command=command, env={"POLYAXON_BUILD": json.dumps(plan)})


def _launch(run: BuildJob, commit: str | None) -> LaunchSpec:
    return LaunchSpec(
        run=run.uuid.hex,
        attempt=run.attempt,
        command="",
        env={},
        repository=storage.repository_path(run.project) if commit else None,
        commit=commit,
        log_path=storage.logs().local_path(run.sub_path),
        outputs_path=storage.outputs().local_path(run.sub_path),
    )


def section_of(rendered: Rendered) -> AnyBuild:
    """What the file says of the image. Raises `InvalidInput`."""
    if rendered.build is None:
        raise InvalidInput("build: the file says nothing of the image.")
    return rendered.build
