"""From a build's row to its Dockerfile: its section, the options, the files of its commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from django.conf import settings

from polyaxon import options, storage
from polyaxon.db.models import BuildJob
from polyaxon.errors import InvalidInput
from scheduler.builds.dockerfile import KNOWN_FILES, Recipe, dockerfile

if TYPE_CHECKING:
    from polyaxon_schemas.build import BuildKeys

DOCKERFILE_BYTES = 512 * 1024  # it travels in a config map, which holds 1 MiB


def context_of(section: BuildKeys) -> str:
    """Folder of the code that the build sees, without a slash at either end; `.` is all. Raises `InvalidInput`."""
    return _inside("context", section.context or ".")


def dockerfile_of(run: BuildJob, section: BuildKeys, commit: str | None) -> str:
    """The Dockerfile that the section names, or the one that it describes. Raises `InvalidInput`."""
    if section.dockerfile:
        return _written(run, _inside("dockerfile", section.dockerfile), commit)
    if not section.image:
        raise InvalidInput("build: neither an image to start from nor a Dockerfile is given.")
    owner, cluster = run.project.owner, settings.CONFIG.kubernetes
    has_user = options.value("BUILD_JOBS:SET_SECURITY_CONTEXT")
    recipe = Recipe(
        image=section.image,
        build_steps=section.build_steps or (),
        env_vars=[(str(name), str(value)) for name, value in section.env_vars or ()],
        lang_env=section.lang_env or options.value("BUILD_JOBS:LANG_ENV", owner=owner),
        files=_files(run, context_of(section), commit),
        user=(cluster.security_context_user, cluster.security_context_group) if has_user else None,
        nvidia_bin=cluster.k8s_nvidia_bin or None,
    )
    return dockerfile(recipe)


def _written(run: BuildJob, path: str, commit: str | None) -> str:
    found = storage.repository(run.project).read(commit, path, max_bytes=DOCKERFILE_BYTES) if commit else None
    if found is None:
        where = f"commit {commit[:10]} of the project's code" if commit else "the project, which has no code"
        raise InvalidInput(f"build.dockerfile: there is no file {path!r} of at most 512 KiB in {where}.")
    return found.decode("utf-8", "replace") + "\n"


def _files(run: BuildJob, context: str, commit: str | None) -> Sequence[str]:
    if commit is None:
        return ()
    places = {str(PurePosixPath(context, name)): name for name in KNOWN_FILES}
    return [places[path] for path in storage.repository(run.project).files_among(commit, list(places))]


def _inside(key: str, path: str) -> str:
    """A path of the repository. Raises `InvalidInput` for one that leads out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise InvalidInput(f"build.{key}: {path!r} is not inside of the project's code.")
    return str(pure)
