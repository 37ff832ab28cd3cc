"""Experiment groups: searches and selections."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from hpsearch import MemoryHistory, SearchError, Suggestion, create_algorithm
from polyaxon.actions import code
from polyaxon.actions.creation import NewItem, insert, named_once
from polyaxon.actions.experiments import NewExperiment, insert_experiment, prepare_experiment
from polyaxon.actions.runs import request_stop
from polyaxon.actions.specs import parse_content
from polyaxon.actions.statuses import lock
from polyaxon.db.models import (
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
from polyaxon_schemas import PolyaxonfileError, Specification

MAX_SEED = 2**31


@dataclass(slots=True, kw_only=True)
class NewGroup(NewItem):
    """What a new group is made from. With `content` of a search it is a study, otherwise a selection."""

    experiment_ids: list[int] = field(default_factory=list)


def create_group(project: Project, user: User, new: NewGroup) -> ExperimentGroup:
    """A new group with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    specification: Specification | None = None
    hptuning: dict[str, Any] | None = None
    seed = 0
    if new.content is not None:
        specification = parse_content(new.content, kind="group")
        hptuning, seed = _checked_search(specification)
    elif new.is_managed and not new.experiment_ids:
        raise InvalidInput(
            "A search needs `content`, a polyaxonfile of kind group; a selection needs `experiment_ids`."
        )
    members = _members(project, new.experiment_ids)
    if specification is not None:
        new.tags = new.tags if new.tags is not None else specification.tags
        new.backend = specification.backend or new.backend
        if new.code_reference is None:
            new.code_reference = code.pin(project, *_pinned(specification))
    new.tags = new.tags or None
    with named_once("group"):
        group = _insert(project, user, new, hptuning, seed)
        group.selection_experiments.set(members)
    return group


def _checked_search(specification: Specification) -> tuple[dict[str, Any], int]:
    """The search section with its defaults, and a seed; tried once, so that a wrong file is refused now."""
    assert specification.hptuning is not None
    given = specification.hptuning.seed
    seed = given if given is not None else secrets.randbelow(MAX_SEED - 1) + 1
    try:
        decision = create_algorithm(specification.hptuning, seed=seed).suggest(MemoryHistory())
        if not decision.suggestions:
            raise InvalidInput(f"The search has nothing to try: {decision.reason}", field="hptuning")
        content = json.dumps(specification.trial_content(decision.suggestions[0].params))
        parse_content(content, kind="experiment").render()
    except (SearchError, PolyaxonfileError) as error:
        raise InvalidInput(str(error)) from error
    return specification.hptuning.resolved(), seed


def changed_search(group: ExperimentGroup, wanted: dict[str, Any] | None) -> dict[str, Any]:
    """The search section of `group` with another `concurrency`, which is all that may change. Raises `InvalidInput`."""
    present, wanted = group.hptuning or {}, wanted or {}
    concurrency = wanted.get("concurrency", present.get("concurrency"))
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        raise InvalidInput("concurrency is a whole number from 1 up.", field="hptuning")
    if any(wanted[key] != present.get(key) for key in wanted if key != "concurrency"):
        raise InvalidInput(
            "The search follows its file; only `concurrency` may change. Start another group to search otherwise.",
            field="hptuning",
        )
    return {**present, "concurrency": concurrency}


def _pinned(specification: Specification) -> tuple[str | None, str | None]:
    """Commit and branch that the file names."""
    build = specification.build
    return (build.commit, build.branch) if build else (None, None)


def _members(project: Project, ids: Sequence[int]) -> list[Experiment]:
    found = list(Experiment.objects.filter(project=project, deleted=False, pk__in=ids))
    missing = sorted(set(ids) - {experiment.pk for experiment in found})
    if missing:
        raise InvalidInput(f"The project has no experiments {missing}.", field="experiment_ids")
    return found


def _insert(project: Project, user: User, new: NewGroup, hptuning: dict[str, Any] | None, seed: int) -> ExperimentGroup:
    kind = ExperimentGroup.STUDY if hptuning else ExperimentGroup.SELECTION
    group = insert(ExperimentGroup, project, user, new, group_type=kind, hptuning=hptuning, seed=seed)
    if group.hptuning and group.is_managed:
        wake("group", group.pk)
    return group


def add_trials(
    group: ExperimentGroup, specification: Specification, suggestions: Sequence[Suggestion], *, complete: bool
) -> list[Experiment]:
    """Store an iteration of `suggestions` as trials with status `created`; `complete`: no further ones will come.

    Suggestions whose index is there already are left out, so the same decision may be stored twice. A search that was
    stopped, or whose suggestions are complete, takes no more: the decision is older than that.
    """
    present = _present(group)
    wanted = [_trial(group, specification, each) for each in suggestions if each.index not in present]
    for new in wanted:
        prepare_experiment(group.project, new)
    with transaction.atomic():
        locked = lock(group)
        assert isinstance(locked, ExperimentGroup)
        trials: list[Experiment] = []
        if not (locked.is_done or locked.stop_requested_at is not None or locked.suggestions_complete):
            trials = _add(locked, wanted, complete=complete)
    group.suggestions_complete = locked.suggestions_complete
    return trials


def _present(group: ExperimentGroup) -> set[int | None]:
    return set(group.experiments.exclude(trial_index=None).values_list("trial_index", flat=True))


def _trial(group: ExperimentGroup, specification: Specification, suggestion: Suggestion) -> NewExperiment:
    return NewExperiment(
        content=json.dumps(specification.trial_content(suggestion.params)),
        group=group,
        trial_index=suggestion.index,
        code_reference=group.code_reference,
        code_is_pinned=True,
        backend=group.backend,
    )


def _add(locked: ExperimentGroup, wanted: Sequence[NewExperiment], *, complete: bool) -> list[Experiment]:
    present = _present(locked)
    fresh = [new for new in wanted if new.trial_index not in present]
    if fresh:
        iteration = ExperimentGroupIteration.objects.create(
            experiment_group=locked, number=locked.iterations.count(), data={"num_suggestions": len(fresh)}
        )
        for new in fresh:
            new.iteration = iteration
        emit("new_iteration", locked, context={"suggestions": len(fresh)})
    if complete:
        locked.suggestions_complete = True
        locked.save(update_fields=["suggestions_complete", "updated_at"])
    return [insert_experiment(locked.project, locked.user, new) for new in fresh]


@transaction.atomic
def stop_group(group: ExperimentGroup, user: User, *, pending_only: bool = False) -> None:
    """Stop a search with its trials, or with `pending_only` just those trials that have not started.

    The others then go on, and the search ends with them. A selection does not run, so there is nothing to stop.
    """
    if group.group_type != ExperimentGroup.STUDY:
        return
    if not pending_only:
        request_stop(group, user)
        return
    lock(group)  # a pass that adds trials comes before this, and they are stopped, or after it, and adds none
    ExperimentGroup.objects.filter(pk=group.pk).update(suggestions_complete=True, updated_at=timezone.now())
    for trial in group.experiments.filter(status__in=EXPERIMENT.pending).order_by("pk"):
        request_stop(trial, user)
    wake("group", group.pk)
