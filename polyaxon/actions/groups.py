"""Experiment groups: searches and selections."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from hpsearch import MemoryHistory, SearchError, create_algorithm
from polyaxon.actions import code
from polyaxon.actions.creation import NewItem, insert, named_once
from polyaxon.actions.outputs_refs import outputs_refs
from polyaxon.actions.runs import WAITING, request_stop
from polyaxon.actions.specs import parse_content
from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models import (
    Experiment,
    ExperimentGroup,
    Project,
    SearchDecision,
    User,
)
from polyaxon.errors import InvalidInput
from polyaxon.lifecycles import tables as s
from polyaxon.trials.counts import count_trials
from polyaxon.wakeups import wake
from polyaxon_schemas import PolyaxonfileError, Rendered, Specification

MAX_SEED = 2**31
PENDING_STOPPED = "The trials that had not started were stopped by a user."


@dataclass(slots=True, kw_only=True)
class NewGroup(NewItem):
    """What a new group is made from. With `content` of a search it is a study, otherwise a selection."""

    experiment_ids: list[int] = field(default_factory=list)
    code_is_pinned: bool = False  # also when there is none: a search made from another has its code
    seed: int | None = None  # unless the file names one; None: a drawn one
    original: ExperimentGroup | None = None
    cloning_strategy: str | None = None


def create_group(project: Project, user: User, new: NewGroup) -> ExperimentGroup:
    """A new group with status `created`. Raises `InvalidInput`, and then nothing has changed."""
    specification: Specification | None = None
    hptuning: dict[str, Any] | None = None
    seed = 0
    if new.content is not None:
        specification = parse_content(new.content, kind="group")
        hptuning, seed, trial = _checked_search(specification, new.seed)
        outputs_refs(project, user, trial.environment)
    elif new.is_managed and not new.experiment_ids:
        raise InvalidInput(
            "A search needs `content`, a polyaxonfile of kind group; a selection needs `experiment_ids`."
        )
    members = _members(project, new.experiment_ids)
    if specification is not None:
        new.tags = new.tags if new.tags is not None else specification.tags
        new.backend = specification.backend or new.backend
        if new.code_reference is None and not new.code_is_pinned:
            new.code_reference = code.pin(project, *_pinned(specification))
    new.tags = new.tags or None
    with named_once("group"):
        group = _insert(project, user, new, hptuning, seed)
        group.selection_experiments.set(members)
    return group


def _checked_search(specification: Specification, drawn: int | None) -> tuple[dict[str, Any], int, Rendered]:
    """The search section with its defaults, a seed, and a first trial, so that a wrong file is refused now."""
    assert specification.hptuning is not None
    given = drawn if specification.hptuning.seed is None else specification.hptuning.seed
    seed = given if given is not None else secrets.randbelow(MAX_SEED - 1) + 1
    try:
        decision = create_algorithm(specification.hptuning, seed=seed).suggest(MemoryHistory(), limit=1)
        if not decision.suggestions:
            raise InvalidInput(f"The search has nothing to try: {decision.reason}", field="hptuning")
        content = json.dumps(specification.trial_content(decision.suggestions[0].params))
        trial = parse_content(content, kind="experiment").render()
    except (SearchError, PolyaxonfileError) as error:
        raise InvalidInput(str(error)) from error
    return specification.hptuning.resolved(), seed, trial


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
    origin: dict[str, Any] = {"original_group": new.original, "cloning_strategy": new.cloning_strategy}
    group = insert(ExperimentGroup, project, user, new, group_type=kind, hptuning=hptuning, seed=seed, **origin)
    if group.hptuning and group.is_managed:
        wake("group", group.pk)
    return group


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
    _close(group, PENDING_STOPPED, {"pending_stopped": True})
    for trial in group.experiments.filter(status__in=WAITING).order_by("pk"):
        request_stop(trial, user)


@transaction.atomic
def close_search(group: ExperimentGroup, reason: str, numbers: Mapping[str, Any] | None = None) -> None:
    """Have a search make no further trials; it is done when those that there are have ended."""
    if not group.suggestions_complete:
        _close(group, reason, numbers)


def _close(group: ExperimentGroup, reason: str, numbers: Mapping[str, Any] | None) -> None:
    locked = lock(group)  # a pass that adds trials comes before this, or after it, and adds none
    assert isinstance(locked, ExperimentGroup)
    if not locked.is_done:
        locked.suggestions_complete = True
        locked.save(update_fields=["suggestions_complete", "updated_at"])
        _finish(locked, reason, numbers)
        wake("group", group.pk)
    group.suggestions_complete = locked.suggestions_complete


@transaction.atomic
def end_search(
    group: ExperimentGroup, reason: str, numbers: Mapping[str, Any] | None = None, *, as_failed: bool = False
) -> bool:
    """Stop a search with its trials because of what has become of them; whether that is new."""
    locked = lock(group)
    assert isinstance(locked, ExperimentGroup)
    if locked.is_done or locked.stop_requested_at is not None:
        return False
    _finish(locked, reason, {**(numbers or {}), "status": s.FAILED if as_failed else s.STOPPED})
    return request_stop(group, message=reason)


@transaction.atomic
def finish_search(group: ExperimentGroup) -> bool:
    """End a search of which nothing is open any more; whether it has ended. All trials failed: so has it."""
    locked = lock(group)
    assert isinstance(locked, ExperimentGroup)
    counts = count_trials(locked)
    if not locked.suggestions_complete or counts.open or locked.stop_requested_at is not None:
        return False
    if counts.trials and counts.failed == counts.trials:
        reason = f"All {counts.trials} trials failed."
        _finish(locked, reason)
        set_status(group, s.FAILED, message=reason)
        return True
    closed = last_finish(locked)
    if closed is None:
        _finish(locked, f"All {counts.trials} trials are done.")
    set_status(group, s.DONE, message=closed.reason if closed else None)
    return True


def last_finish(group: ExperimentGroup) -> SearchDecision | None:
    """The decision that ended the search, or keeps it from going on; of this life of the search, if it was resumed."""
    decisions = group.decisions.filter(kind=SearchDecision.FINISH)
    reopened = group.statuses.filter(status=s.RESUMING).order_by("-id").first()
    if reopened is not None:
        decisions = decisions.filter(created_at__gte=reopened.created_at)
    return decisions.order_by("-id").first()


def _finish(group: ExperimentGroup, reason: str, numbers: Mapping[str, Any] | None = None) -> None:
    SearchDecision.objects.create(
        experiment_group=group, kind=SearchDecision.FINISH, reason=reason, numbers=dict(numbers or {})
    )
