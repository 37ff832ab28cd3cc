"""Jobs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from polyaxon.actions.creation import NewRun, insert_run, kept_tags, merged_content, prepare_run
from polyaxon.db.models import Job, Project, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit


@dataclass(slots=True, kw_only=True)
class NewJob(NewRun):
    """What a new job is made from."""

    original: Job | None = None


def create_job(project: Project, user: User, new: NewJob) -> Job:
    """A new job with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    prepare_run(project, new, kind="job")
    return _insert(project, user, new)


def _insert(project: Project, user: User, new: NewJob) -> Job:
    return insert_run(Job, project, user, new, original_job=new.original)


def restart_job(
    original: Job,
    user: User,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
    ttl: int | None = None,
) -> Job:
    """A new job made from `original`; `content` is merged over its file."""
    if original.content is None:
        raise InvalidInput(f"Job {original.pk} has no polyaxonfile to restart from.")
    new = NewJob(
        content=merged_content(original.content, content),
        params=None if content else original.params,
        description=description if description is not None else original.description,
        tags=kept_tags(original, content),
        ttl=ttl,
        original=original,
        cloning_strategy="restart",
        code_reference=None if update_code else original.code_reference,
    )
    prepare_run(original.project, new, kind="job")
    with transaction.atomic():
        job = _insert(original.project, user, new)
        emit("restarted", original, actor=user, context={"clone": job.pk})
    return job
