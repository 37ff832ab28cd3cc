"""Experiments."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from polyaxon.actions.creation import NewRun, insert_run, kept_tags, merged_content, prepare_run
from polyaxon.actions.images import add_image
from polyaxon.actions.revisions import tell_of_members
from polyaxon.actions.statuses import lock
from polyaxon.actions.writers import EVENT_OF, RESUME, check_nobody_writes, root_of
from polyaxon.db.models import (
    Experiment,
    ExperimentGroup,
    ExperimentGroupIteration,
    Project,
    User,
)
from polyaxon.errors import InvalidInput
from polyaxon.events import emit


@dataclass(slots=True, kw_only=True)
class NewExperiment(NewRun):
    """What a new experiment is made from."""

    framework: str | None = None
    group: ExperimentGroup | None = None
    iteration: ExperimentGroupIteration | None = None
    trial_index: int | None = None
    original: Experiment | None = None


def create_experiment(project: Project, user: User, new: NewExperiment) -> Experiment:
    """A new experiment with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    prepare_experiment(project, new)
    experiment = insert_experiment(project, user, new)
    tell_of_members(experiment)
    return experiment


def prepare_experiment(project: Project, new: NewExperiment) -> None:
    """What takes time, and so comes before any transaction."""
    specification = prepare_run(project, new, kind="experiment")
    if specification is not None:
        new.framework = new.framework or specification.framework


def insert_experiment(project: Project, user: User, new: NewExperiment) -> Experiment:
    """Store what was prepared."""
    add_image(project, user, new)
    return insert_run(
        Experiment,
        project,
        user,
        new,
        framework=new.framework,
        experiment_group=new.group,
        iteration=new.iteration,
        trial_index=new.trial_index,
        original_experiment=new.original,
    )


def clone_experiment(
    original: Experiment,
    user: User,
    strategy: str,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
    ttl: int | None = None,
) -> Experiment:
    """A new experiment made from `original`: `restart`, `resume` (goes on in its outputs) or `copy` (of its outputs).

    `content` is merged over the original's file. Resuming a resumed experiment resumes its original. As in 0.6 the
    platform runs the clone also of an experiment that it only tracked: the file says how.
    """
    if original.content is None:
        raise InvalidInput(f"Experiment {original.pk} has no polyaxonfile to {strategy} from.")
    root = root_of(original, strategy)
    assert isinstance(root, Experiment)
    new = NewExperiment(
        content=merged_content(original.content, content),
        params=None if content else original.params,
        description=description if description is not None else original.description,
        framework=None if content else original.framework,
        ttl=ttl,
        tags=kept_tags(original, content),
        group=original.experiment_group,
        original=root,
        cloning_strategy=strategy,
        code_reference=None if update_code else original.code_reference,
    )
    prepare_experiment(original.project, new)
    with transaction.atomic():
        if strategy == RESUME:
            lock(root)  # two who resume at once come one after the other
            check_nobody_writes(original, root)
        experiment = insert_experiment(original.project, user, new)
        emit(EVENT_OF[strategy], original, actor=user, context={"clone": experiment.pk})
    tell_of_members(experiment)
    return experiment
