"""Which runs need an image of their own, and the build that makes it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from polyaxon.actions.builds import content_of, get_or_create_build
from polyaxon.actions.creation import NewRun
from polyaxon.db.models import BuildJob, CodeReference, Project, User
from polyaxon.errors import InvalidInput
from polyaxon_schemas import Rendered

# What of a build section an image does not bring along by itself. Code is put into every pod.
_MORE = ("dockerfile", "build_steps", "env_vars", "lang_env")


def image_for(project: Project, user: User, rendered: Rendered, reference: CodeReference | None) -> BuildJob | None:
    """The build whose image a run of this file waits for, made now if there is none like it.

    None for a run that needs none: it names an image that only lacks the code, or runs where there are no images.
    Raises `InvalidInput` for a `ref` to a build that the project does not have.
    """
    section = rendered.build
    if section is None or not settings.CONFIG.on_cluster:
        return None
    if section.ref not in (None, ""):
        return _named(project, section.ref)
    if not any(getattr(section, key) for key in _MORE):
        return None
    content = content_of(rendered)
    assert content is not None
    nocache = bool(section.nocache)
    return get_or_create_build(project, user, content, code_reference=reference, nocache=nocache)[0]


def add_image(project: Project, user: User, new: NewRun) -> None:
    """Have a new run of the platform, unless it comes with a build, wait for what it needs."""
    if new.is_managed and new.build_job is None and new.rendered is not None:
        new.build_job = image_for(project, user, new.rendered, new.code_reference)


def _named(project: Project, ref: Any) -> BuildJob:
    rows = BuildJob.objects.filter(project=project, deleted=False)
    is_number = isinstance(ref, int) or str(ref).isdecimal()
    found = rows.filter(pk=int(ref)).first() if is_number else rows.filter(name=str(ref)).first()
    if found is None:
        raise InvalidInput(f"build.ref: the project has no build {json.dumps(ref)}.")
    return found
