"""What making a new row of a project has in common, whatever its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from polyaxon.actions import code
from polyaxon.actions.names import free_name
from polyaxon.actions.outputs_refs import outputs_refs
from polyaxon.actions.repeats import tell
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.actions.statuses import first_status
from polyaxon.actions.tags import clean_tags
from polyaxon.db.models import BuildJob, CodeReference, Experiment, Job, Project, User
from polyaxon.db.models.abstract import BACKEND_LENGTH, ProjectItem
from polyaxon.db.writes import append
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.wakeups import wake
from polyaxon_schemas import PolyaxonfileError, Rendered, Specification, merge, read
from polyaxon_schemas.policy import RunPolicy
from polyaxon_schemas.resources import Amounts, total

ItemT = TypeVar("ItemT", bound=ProjectItem)
RunT = TypeVar("RunT", Experiment, Job)


@dataclass(slots=True, kw_only=True)
class NewItem:
    """What any new item is made from. `content` is needed when the platform is to run it."""

    content: str | None = None
    name: str | None = None
    description: str | None = None
    readme: str | None = None
    tags: list[str] | None = None
    backend: str | None = None
    is_managed: bool = True
    code_reference: CodeReference | None = None


@dataclass(slots=True, kw_only=True)
class NewRunnable(NewItem):
    """And what a new item is that a runner executes. `ttl`: seconds that its remains are kept after its end."""

    ttl: int | None = None
    resources: Amounts | None = None  # what `content` asks for
    policy: RunPolicy = field(default_factory=RunPolicy)  # of `content`

    def ask(self, rendered: Rendered) -> None:
        """Take over what the file asks for."""
        self.resources = total(rendered.environment)
        self.policy = rendered.policy

    @property
    def asked(self) -> dict[str, Any]:
        """The columns that hold it. A `ttl` of the request wins over that of the file."""
        columns = {**asdict(self.policy), "resources": self.resources}
        return columns if self.ttl is None else {**columns, "ttl": self.ttl}


@dataclass(slots=True, kw_only=True)
class NewRun(NewRunnable):
    """And what a new experiment or job is."""

    params: dict[str, Any] | None = None
    run_env: dict[str, Any] | None = None
    data_refs: dict[str, Any] | None = None
    cloning_strategy: str | None = None
    build_job: BuildJob | None = None
    rendered: Rendered | None = None  # `content` with its final values
    code_is_pinned: bool = False  # also when there is none: all trials of a search have the code of its start
    commit: str | None = None
    branch: str | None = None


def asked_columns(rendered: Rendered) -> dict[str, Any]:
    """The columns that follow from a file, for a row whose file changes. One without `ttl` leaves that alone."""
    policy = asdict(rendered.policy)
    if policy["ttl"] is None:
        del policy["ttl"]
    return {**policy, "resources": total(rendered.environment)}


def prepare_run(project: Project, new: NewRun, *, kind: str) -> Specification | None:
    """What takes time, and so comes before any transaction: reading the file, finding the commit."""
    specification = _read_file(new, kind)
    if new.is_managed and new.code_reference is None and not new.code_is_pinned:
        new.code_reference = code.pin(project, new.commit, new.branch)
    return specification


def _read_file(new: NewRun, kind: str) -> Specification | None:
    if new.content is None:
        if new.is_managed:
            raise InvalidInput(f"What the platform is to run needs `content`, a polyaxonfile of kind {kind}.")
        return None
    specification = parse_content(new.content, kind=kind)
    rendered = check_renders(specification)
    new.ask(rendered)
    new.rendered = rendered
    new.backend = backend_of(specification) or new.backend  # the file's wins, as in 0.6
    new.params = new.params if new.params is not None else (dict(specification.params) or None)
    new.tags = new.tags if new.tags is not None else (specification.tags or None)
    if specification.build:
        new.commit = new.commit or specification.build.commit
        new.branch = new.branch or specification.build.branch
    return specification


def backend_of(specification: Specification) -> str | None:
    """The backend that the file names. Raises `InvalidInput` for a name that is too long."""
    name = specification.backend
    if name is not None and len(name) > BACKEND_LENGTH:
        raise InvalidInput(f"backend: a name has at most {BACKEND_LENGTH} characters, this one has {len(name)}.")
    return name


def insert_run(model: type[RunT], project: Project, user: User, new: NewRun, **fields: Any) -> RunT:
    """Store a prepared run and have it dispatched."""
    if new.rendered is not None:
        outputs_refs(project, user, new.rendered.environment)  # or it is refused now, not when it starts
    new.backend = new.backend or ("native" if new.is_managed else "other")
    for name in ("params", "run_env", "data_refs", "cloning_strategy", "build_job"):
        fields[name] = getattr(new, name)
    fields.update(new.asked)
    with named_once(model.__name__.lower()):
        row = insert(model, project, user, new, **fields)
        if row.is_managed:
            wake("dispatch")
    return row


@contextmanager
def named_once(word: str) -> Iterator[None]:
    """A transaction in which two that take one name at the same moment are told so."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise InvalidInput(f"Another {word} of this name was made at the same moment. Try again.") from error


def insert(
    model: type[ItemT], project: Project, user: User, new: NewItem, *, action: str = "created", **fields: Any
) -> ItemT:
    """A new row with its first status and its event, in the caller's transaction."""
    row = append(
        model(
            project=project,
            user=user,
            name=free_name(model, project.pk, new.name),
            description=new.description,
            readme=new.readme,
            tags=clean_tags(new.tags),
            content=new.content,
            backend=new.backend,
            is_managed=new.is_managed,
            code_reference=new.code_reference,
            **fields,
        )
    )
    first_status(row)
    emit(action, row, actor=user)
    tell(row)
    return row


def merged_content(present: str | None, override: str | None) -> str | None:
    """The file of a clone: `override` merged over the file that there is."""
    if not override or present is None:
        return override or present
    try:
        return json.dumps(merge([read(present), read(override)]))
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error


def kept_tags(original: Experiment | Job, override: str | None) -> list[str] | None:
    """The tags of a clone: the original's, unless the `override` of its file names others."""
    try:
        return None if override and "tags" in read(override) else original.tags
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error


def sibling(model: type[ItemT], project: Project, pk: Any, *, field: str) -> ItemT | None:
    """The project's live row of that id. Raises `InvalidInput`: ids of other projects are refused."""
    if pk is None:
        return None
    row = model._default_manager.filter(project=project, deleted=False, pk=pk).first()
    if row is None:
        raise InvalidInput(f"The project has no {model._meta.verbose_name} {pk}.", field=field)
    return row
