"""CI: a new commit runs the project's polyaxonfile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from polyaxon import storage
from polyaxon.actions import code
from polyaxon.actions.builds import NewBuild, create_build
from polyaxon.actions.experiments import NewExperiment, create_experiment
from polyaxon.actions.groups import NewGroup, create_group
from polyaxon.actions.jobs import NewJob, create_job
from polyaxon.db.models import CI, CodeReference, Project, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.security.permissions import may
from polyaxon.security.scopes import Verb
from polyaxon_schemas import PolyaxonfileError, Specification, parse
from polyaxon_schemas.reader import DEFAULT_NAMES

TAG = "ci"
MAX_FILE_BYTES = 1024 * 1024


def enable(project: Project, user: User, config: dict[str, Any] | None) -> CI:
    """Have new commits run, in the name of `user`. Raises `InvalidInput` when they do already."""
    try:
        with transaction.atomic():
            ci = CI.objects.create(project=project, user=user, config=config)
            emit("updated", project, actor=user, context={"ci": True})
    except IntegrityError as error:
        raise InvalidInput("CI is enabled already. Change it with PATCH.") from error
    return ci


@transaction.atomic
def configure(ci: CI, user: User, config: dict[str, Any] | None) -> None:
    """Change the settings."""
    ci.config = config
    ci.save(update_fields=["config", "updated_at"])
    emit("updated", ci.project, actor=user, context={"ci": True})


@transaction.atomic
def disable(ci: CI, user: User) -> None:
    """New commits no longer run."""
    emit("updated", ci.project, actor=user, context={"ci": False})
    ci.delete()


def sync(project: Project) -> bool:
    """Run the newest commit of the project's code, unless it was the last one to run or CI is not enabled.

    Returns whether something was started. Raises `InvalidInput` when the code cannot be fetched or its file is wrong.
    """
    if not CI.objects.filter(project=project).exists():
        return False
    reference = code.pin(project)
    if reference is None:
        return False
    with transaction.atomic():
        # Two syncs at once run a commit once.
        rows = CI.objects.select_for_update(of=("self",), no_key=True).select_related("user")
        ci = rows.filter(project=project).first()
        if ci is None or ci.code_reference_id == reference.pk:
            return False
        started = _run(project, ci.user, reference)
        ci.code_reference = reference
        ci.save(update_fields=["code_reference", "updated_at"])
    return started


def _run(project: Project, user: User, reference: CodeReference) -> bool:
    specification = _specification(project, reference.commit or "")
    create = _CREATE.get(specification.kind)
    if create is None:
        return False
    _check_may_run(project, user)
    create(project, user, reference, specification.to_text(), [*specification.tags, TAG])
    return True


def _check_may_run(project: Project, user: User) -> None:
    """CI goes on when whoever enabled it has left: then somebody else has to stand for it."""
    if not user.is_active or not may(user, project, Verb.RUN):
        raise InvalidInput(
            f"CI runs in the name of {user.username}, who may not run anything here any more. Enable it anew."
        )


def _specification(project: Project, sha: str) -> Specification:
    repository = storage.repository(project)
    for name in DEFAULT_NAMES:
        content = repository.read(sha, name, max_bytes=MAX_FILE_BYTES)
        if content is not None:
            return _parsed(name, content)
    raise InvalidInput(f"CI: commit {sha} has no polyaxonfile at its root, such as {DEFAULT_NAMES[0]}.")


def _parsed(name: str, content: bytes) -> Specification:
    try:
        return parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidInput(f"CI: {name} is not encoded in UTF-8.") from None
    except PolyaxonfileError as error:
        raise InvalidInput(f"CI: {name}: {error}") from error


def _experiment(project: Project, user: User, reference: CodeReference, content: str, tags: list[str]) -> None:
    create_experiment(project, user, NewExperiment(content=content, tags=tags, code_reference=reference))


def _job(project: Project, user: User, reference: CodeReference, content: str, tags: list[str]) -> None:
    create_job(project, user, NewJob(content=content, tags=tags, code_reference=reference))


def _build(project: Project, user: User, reference: CodeReference, content: str, tags: list[str]) -> None:
    create_build(project, user, NewBuild(content=content, tags=tags, code_reference=reference))


def _group(project: Project, user: User, reference: CodeReference, content: str, tags: list[str]) -> None:
    create_group(project, user, NewGroup(content=content, tags=tags, code_reference=reference))


_CREATE: dict[str, Callable[[Project, User, CodeReference, str, list[str]], None]] = {
    "experiment": _experiment,
    "group": _group,
    "job": _job,
    "build": _build,
}
