"""Builds: made, found again instead of made, and declared unfit."""

from __future__ import annotations

import hashlib
import json

from django.db import transaction
from django.utils import timezone

from polyaxon import options
from polyaxon.actions import code
from polyaxon.actions.creation import NewRunnable, insert, named_once
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.db.models import BuildJob, CodeReference, Project, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake
from polyaxon_schemas import PolyaxonfileError, Rendered, Specification
from polyaxon_schemas.build import BuildKeys

# What of a build section decides about the image.
_KEYS = ("image", "dockerfile", "ref", "context", "build_steps", "env_vars", "lang_env", "backend", "nocache")
_NAMED = ("branch", "commit")
_REFERENCES = ("secret_refs", "config_map_refs")


class NewBuild(NewRunnable):
    """What a new build is made from."""


def create_build(project: Project, user: User, new: NewBuild) -> BuildJob:
    """A new build with status `created`, whether or not there is one like it. Raises `InvalidInput`."""
    specification = _specification(new)
    _fill(project, new, specification)
    with named_once("build"):
        return _insert(project, user, new, key=_key(project, specification, new.code_reference))


def get_or_create_build(
    project: Project,
    user: User,
    content: str,
    *,
    code_reference: CodeReference | None,
    nocache: bool = False,
    tags: list[str] | None = None,
) -> tuple[BuildJob, bool]:
    """The build whose image a run with this build `content` needs, and whether it is new.

    Found again is the newest valid one of the same content and code that has succeeded or is under way. Two callers at
    once get the same build: they queue at the project's row, and a unique column refuses a second one in any case.
    """
    new = NewBuild(content=content, tags=tags, code_reference=code_reference)
    specification = _specification(new)
    new.backend = _backend(project, specification, None, managed=True)
    key = "" if nocache else _key(project, specification, code_reference)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        found = _reusable(project, key)
        if found is not None:
            return found, False
        # Whoever holds the claim has failed, was stopped, archived or declared unfit.
        BuildJob.objects.filter(project=project, claim=key or None).update(claim=None)
        return _insert(project, user, new, key=key, claim=key or None), True


def _reusable(project: Project, key: str) -> BuildJob | None:
    if not key:
        return None
    rows = BuildJob.objects.filter(project=project, spec_key=key, valid=True, deleted=False, is_managed=True)
    newest = rows.select_related("code_reference").order_by("-id").first()
    if newest is None or (newest.is_done and newest.status != s.SUCCEEDED) or newest.stop_requested_at is not None:
        return None
    newest.project = project
    return newest


def build_content(specification: Specification) -> str | None:
    """The build section of a run as a file of kind build, in one canonical form; None without such a section."""
    try:
        rendered = specification.render()
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error
    return content_of(rendered)


def content_of(rendered: Rendered) -> str | None:
    """The same of a file whose values are final."""
    if rendered.build is None:
        return None
    section = rendered.build.model_dump(mode="json", exclude_none=True)
    content = {key: section[key] for key in (*_KEYS, *_NAMED) if key in section}
    environment = rendered.environment.model_dump(mode="json", exclude_none=True) if rendered.environment else {}
    references = {key: environment[key] for key in _REFERENCES if environment.get(key)}
    if references:
        content["environment"] = references
    return json.dumps({"version": 1, "kind": "build", **content}, sort_keys=True, separators=(",", ":"))


def _specification(new: NewBuild) -> Specification | None:
    if new.content is not None:
        return parse_content(new.content, kind="build")
    if new.is_managed:
        raise InvalidInput("A build that the platform makes needs `content`, a polyaxonfile of kind build.")
    return None


def _fill(project: Project, new: NewBuild, specification: Specification | None) -> None:
    new.backend = _backend(project, specification, new.backend, managed=new.is_managed)
    if specification is None:
        return
    new.tags = new.tags if new.tags is not None else (specification.tags or None)
    new.ask(check_renders(specification))
    build = specification.build
    if new.is_managed and new.code_reference is None and build is not None:
        new.code_reference = code.pin(project, build.commit, build.branch)


def _backend(project: Project, specification: Specification | None, wanted: str | None, *, managed: bool) -> str:
    given = (specification.backend if specification else None) or wanted
    default: str = options.value("BUILD_JOBS:BACKEND", owner=project.owner) if managed else "other"
    return given or default


def _key(project: Project, specification: Specification | None, reference: CodeReference | None) -> str:
    """Digest of what is built of which code. Empty for what is to be built anew each time."""
    build = specification.build if specification else None
    if build is None or build.nocache or _pulls_latest(project, build):
        return ""
    text = build_content(specification) if specification else None
    return hashlib.sha256(f"{reference.pk if reference else None} {text}".encode()).hexdigest()


def _pulls_latest(project: Project, build: BuildKeys) -> bool:
    return build.image_tag == "latest" and bool(options.value("BUILD_JOBS:ALWAYS_PULL_LATEST", owner=project.owner))


def _insert(project: Project, user: User, new: NewBuild, *, key: str, claim: str | None = None) -> BuildJob:
    build = insert(BuildJob, project, user, new, spec_key=key, claim=claim, **new.asked)
    if build.is_managed:
        wake("dispatch")
    return build


@transaction.atomic
def invalidate(build: BuildJob, user: User | None) -> None:
    """Never reuse this build."""
    BuildJob.objects.filter(pk=build.pk).update(valid=False, claim=None, updated_at=timezone.now())
    emit("updated", build, actor=user, context={"valid": False})


@transaction.atomic
def invalidate_all(project: Project, user: User | None) -> None:
    """Never reuse any build that the project has now, archived ones included."""
    BuildJob.objects.filter(project=project).update(valid=False, claim=None, updated_at=timezone.now())
    emit("updated", project, actor=user, context={"builds": "invalidated"})
