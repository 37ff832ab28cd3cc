"""Jobs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from polyaxon.actions.creation import NewRun, insert_run, kept_tags, merged_content, prepare_run
from polyaxon.actions.images import add_image
from polyaxon.actions.statuses import lock
from polyaxon.actions.writers import EVENT_OF, RESUME, check_nobody_writes, root_of
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
    add_image(project, user, new)
    return insert_run(Job, project, user, new, original_job=new.original)


def clone_job(
    original: Job,
    user: User,
    strategy: str,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
    ttl: int | None = None,
) -> Job:
    """A new job made from `original`: `restart`, `resume` (goes on in its outputs) or `copy` (of its outputs).

    `content` is merged over the original's file.
    """
    if original.content is None:
        raise InvalidInput(f"Job {original.pk} has no polyaxonfile to {strategy} from.")
    root = root_of(original, strategy)
    assert isinstance(root, Job)
    new = NewJob(
        content=merged_content(original.content, content),
        params=None if content else original.params,
        description=description if description is not None else original.description,
        tags=kept_tags(original, content),
        ttl=ttl,
        original=root,
        cloning_strategy=strategy,
        code_reference=None if update_code else original.code_reference,
    )
    prepare_run(original.project, new, kind="job")
    with transaction.atomic():
        if strategy == RESUME:
            lock(root)  # two who resume at once come one after the other
            check_nobody_writes(original, root)
        job = _insert(original.project, user, new)
        emit(EVENT_OF[strategy], original, actor=user, context={"clone": job.pk})
    return job
