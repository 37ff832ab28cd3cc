"""Jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from polyaxon.actions import code
from polyaxon.actions.names import free_name
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.actions.statuses import first_status
from polyaxon.actions.tags import clean_tags
from polyaxon.db.models import BuildJob, CodeReference, Job, Project, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.wakeups import wake
from polyaxon_schemas import PolyaxonfileError, merge, read


@dataclass(slots=True)
class NewJob:
    """What a new job is made from. `content` is needed when the platform is to run it."""

    content: str | None = None
    params: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    readme: str | None = None
    tags: list[str] | None = None
    backend: str | None = None
    is_managed: bool = True
    run_env: dict[str, Any] | None = None
    data_refs: dict[str, Any] | None = None
    original: Job | None = None
    cloning_strategy: str | None = None
    build_job: BuildJob | None = None
    code_reference: CodeReference | None = None
    commit: str | None = None
    branch: str | None = None


def create_job(project: Project, user: User, new: NewJob) -> Job:
    """A new job with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    prepare_job(project, new)
    return insert_job(project, user, new)


def prepare_job(project: Project, new: NewJob) -> None:
    """What takes time, and so comes before any transaction: reading the file, finding the commit."""
    if new.content is not None:
        specification = parse_content(new.content, kind="job")
        check_renders(specification)
        new.params = new.params if new.params is not None else (dict(specification.params) or None)
        new.tags = new.tags if new.tags is not None else (specification.tags or None)
        if specification.build:
            new.commit = new.commit or specification.build.commit
            new.branch = new.branch or specification.build.branch
    elif new.is_managed:
        raise InvalidInput("A job that the platform runs needs `content`, a polyaxonfile of kind job.")
    if new.is_managed and new.code_reference is None:
        new.code_reference = code.pin(project, new.commit, new.branch)


def insert_job(project: Project, user: User, new: NewJob) -> Job:
    """Store what was prepared."""
    try:
        with transaction.atomic():
            return _insert(project, user, new)
    except IntegrityError as error:
        raise InvalidInput("Another job of this name was made at the same moment. Try again.") from error


def _insert(project: Project, user: User, new: NewJob) -> Job:
    job = Job.objects.create(
        project=project,
        user=user,
        name=free_name(Job, project.pk, new.name),
        description=new.description,
        readme=new.readme,
        tags=clean_tags(new.tags),
        content=new.content,
        params=new.params,
        backend=new.backend or ("native" if new.is_managed else "other"),
        is_managed=new.is_managed,
        run_env=new.run_env,
        data_refs=new.data_refs,
        original_job=new.original,
        cloning_strategy=new.cloning_strategy,
        build_job=new.build_job,
        code_reference=new.code_reference,
    )
    first_status(job)
    emit("created", job, actor=user)
    if job.is_managed:
        wake("dispatch")
    return job


def restart_job(
    original: Job,
    user: User,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
) -> Job:
    """A new job made from `original`; `content` is merged over its file."""
    if original.content is None:
        raise InvalidInput(f"Job {original.pk} has no polyaxonfile to restart from.")
    try:
        merged = json.dumps(merge([read(original.content), read(content)])) if content else original.content
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error
    new = NewJob(
        content=merged,
        params=None if content else original.params,
        description=description if description is not None else original.description,
        tags=original.tags,
        is_managed=original.is_managed,
        original=original,
        cloning_strategy="restart",
        code_reference=None if update_code else original.code_reference,
    )
    prepare_job(original.project, new)
    with transaction.atomic():
        job = insert_job(original.project, user, new)
        emit("restarted", original, actor=user, context={"clone": job.pk})
    return job
