"""Experiments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from polyaxon.actions import code
from polyaxon.actions.names import free_name
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.actions.statuses import first_status, lock
from polyaxon.actions.tags import clean_tags
from polyaxon.db.models import (
    BuildJob,
    CodeReference,
    Experiment,
    ExperimentGroup,
    ExperimentGroupIteration,
    Project,
    User,
)
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.wakeups import wake
from polyaxon_schemas import PolyaxonfileError, merge, read

RESUME, RESTART, COPY = "resume", "restart", "copy"
EVENT_OF = {RESUME: "resumed", RESTART: "restarted", COPY: "copied"}


@dataclass(slots=True)
class NewExperiment:
    """What a new experiment is made from. `content` is needed when the platform is to run it."""

    content: str | None = None
    params: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    readme: str | None = None
    tags: list[str] | None = None
    framework: str | None = None
    backend: str | None = None
    is_managed: bool = True
    run_env: dict[str, Any] | None = None
    data_refs: dict[str, Any] | None = None
    group: ExperimentGroup | None = None
    iteration: ExperimentGroupIteration | None = None
    trial_index: int | None = None
    original: Experiment | None = None
    cloning_strategy: str | None = None
    build_job: BuildJob | None = None
    code_reference: CodeReference | None = None
    code_is_pinned: bool = False  # also when there is none: all trials of a search have the code of its start
    commit: str | None = None
    branch: str | None = None


def create_experiment(project: Project, user: User, new: NewExperiment) -> Experiment:
    """A new experiment with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    prepare_experiment(project, new)
    return insert_experiment(project, user, new)


def prepare_experiment(project: Project, new: NewExperiment) -> None:
    """What takes time, and so comes before any transaction: reading the file, finding the commit."""
    _fill_from_content(new)
    if new.is_managed and new.code_reference is None and not new.code_is_pinned:
        new.code_reference = code.pin(project, new.commit, new.branch)


def insert_experiment(project: Project, user: User, new: NewExperiment) -> Experiment:
    """Store what was prepared."""
    try:
        with transaction.atomic():
            return _insert(project, user, new)
    except IntegrityError as error:
        raise InvalidInput("Another experiment of this name was made at the same moment. Try again.") from error


def _fill_from_content(new: NewExperiment) -> None:
    if new.content is None:
        if new.is_managed:
            raise InvalidInput("An experiment that the platform runs needs `content`, a polyaxonfile.")
        return
    specification = parse_content(new.content, kind="experiment")
    check_renders(specification)
    if new.params is None:
        new.params = dict(specification.params) or None
    new.tags = new.tags if new.tags is not None else (specification.tags or None)
    new.framework = new.framework or specification.framework
    new.backend = new.backend or specification.backend
    if specification.build:
        new.commit = new.commit or specification.build.commit
        new.branch = new.branch or specification.build.branch


def _insert(project: Project, user: User, new: NewExperiment) -> Experiment:
    experiment = Experiment.objects.create(
        project=project,
        user=user,
        name=free_name(Experiment, project.pk, new.name),
        description=new.description,
        readme=new.readme,
        tags=clean_tags(new.tags),
        content=new.content,
        params=new.params,
        framework=new.framework,
        backend=new.backend or ("native" if new.is_managed else "other"),
        is_managed=new.is_managed,
        run_env=new.run_env,
        data_refs=new.data_refs,
        experiment_group=new.group,
        iteration=new.iteration,
        trial_index=new.trial_index,
        original_experiment=new.original,
        cloning_strategy=new.cloning_strategy,
        build_job=new.build_job,
        code_reference=new.code_reference,
    )
    first_status(experiment)
    emit("created", experiment, actor=user)
    if experiment.is_managed:
        wake("dispatch")
    return experiment


def clone_experiment(
    original: Experiment,
    user: User,
    strategy: str,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
) -> Experiment:
    """A new experiment made from `original`: `restart`, `resume` (goes on in its outputs) or `copy` (of its outputs).

    `content` is merged over the original's file. Resuming a resumed experiment resumes its original.
    """
    if original.content is None and original.is_managed:
        raise InvalidInput(f"Experiment {original.pk} has no polyaxonfile to {strategy} from.")
    root = (original.original_experiment if _resumes_other(original, strategy) else None) or original
    new = NewExperiment(
        content=_merged_content(original.content, content),
        params=None if content else original.params,
        description=description if description is not None else original.description,
        framework=original.framework,
        is_managed=original.is_managed,
        tags=original.tags,
        group=original.experiment_group,
        original=root,
        cloning_strategy=strategy,
        code_reference=None if update_code else original.code_reference,
    )
    prepare_experiment(original.project, new)
    with transaction.atomic():
        if strategy == RESUME:
            lock(root)  # two who resume at once come one after the other
            _check_nobody_writes(original, root)
        experiment = insert_experiment(original.project, user, new)
        emit(EVENT_OF[strategy], original, actor=user, context={"clone": experiment.pk})
    return experiment


def _resumes_other(original: Experiment, strategy: str) -> bool:
    return strategy == RESUME and original.cloning_strategy == RESUME and original.original_experiment is not None


def _check_nobody_writes(original: Experiment, root: Experiment) -> None:
    """Two runs that write to one outputs folder would destroy each other's checkpoint."""
    writers = Experiment.objects.filter(original_experiment=root, cloning_strategy=RESUME, is_managed=True)
    active = writers.exclude(status__in=EXPERIMENT.done).first()
    if active is None and not root.is_done and root.is_managed:
        active = root
    if active is None and not original.is_done and original.is_managed:
        active = original
    if active is not None:
        raise InvalidInput(
            f"Experiment {active.pk} still writes to the outputs of experiment {root.pk}. Stop it, or wait for its end."
        )


def _merged_content(present: str | None, override: str | None) -> str | None:
    if not override or present is None:
        return override or present
    try:
        return json.dumps(merge([_mapping(present), _mapping(override)]))
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error


def _mapping(text: str) -> Mapping[str, Any]:
    return read(text)
