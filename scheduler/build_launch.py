"""From the row of a build to what a runner needs."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from polyaxon import storage
from polyaxon.db.models import BuildJob
from polyaxon.errors import InvalidInput
from polyaxon_schemas import parse
from scheduler import cluster_launch
from scheduler.builds.recipes import context_of, dockerfile_of
from scheduler.builds.registries import registry
from scheduler.launch import api_url, commit_of, item_labels
from scheduler.runners.base import LaunchSpec
from scheduler.runners.kubernetes.spec import Build

NO_BUILDS = "The server runs on the local runner, which builds no images. Experiments and jobs run without one."


def build_spec(run: BuildJob) -> LaunchSpec:
    """What makes the image, from the code of the build's commit. Its row keeps the Dockerfile for people to read.

    Raises `InvalidInput`.
    """
    if settings.CONFIG.runner.runner_backend != "kubernetes":
        raise InvalidInput(NO_BUILDS)
    rendered = parse(run.content or "", kind="build").render({})
    section, commit = rendered.build, commit_of(run)
    if section is None:
        raise InvalidInput("build: the file says nothing of the image.")
    text = dockerfile_of(run, section, commit)
    if text != run.dockerfile:
        BuildJob._base_manager.filter(pk=run.pk).update(dockerfile=text)
    target = registry()
    build = Build(
        backend=run.backend or "native",
        destination=f"{target.push_host}/{run.image}",
        dockerfile=text,
        context=context_of(section),
        is_insecure=target.is_insecure,
        no_cache=bool(section.nocache),
        registry_secret=target.secret,
    )
    return LaunchSpec(
        run=run.uuid.hex,
        attempt=run.attempt,
        command="",
        env={},
        repository=storage.repository_path(run.project) if commit else None,
        commit=commit,
        log_path=storage.logs().local_path(run.sub_path),
        outputs_path=Path("outputs"),  # there are none but the image
        cluster=cluster_launch.build_spec(run, rendered, item_labels(run, "job"), api_url(), build),
    )
