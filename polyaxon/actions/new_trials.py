"""New trials of a search.

Two passes that add them at once would make one suggestion twice. On Postgres few trials are written on the condition
that the search is still as it was read, so that it takes two round trips; the database itself refuses a second trial of
one suggestion. Where that fails, and elsewhere, the search is locked first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from hpsearch import Strategy, Suggestion
from polyaxon import events
from polyaxon.actions import unlocked
from polyaxon.actions.creation import asked_columns, backend_of
from polyaxon.actions.images import image_for
from polyaxon.actions.search_states import MOST_DRAWN, Bounds, SearchState, as_drawn, as_read, draw, lock_search
from polyaxon.actions.statuses import first_statuses
from polyaxon.actions.tags import clean_tags
from polyaxon.db.lookups import listed
from polyaxon.db.models import (
    Event,
    Experiment,
    ExperimentGroup,
    ExperimentGroupIteration,
    SearchDecision,
)
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import Statement, append, append_all, insertion, insertion_with_key
from polyaxon.trials.plans import Plan, plan_of
from polyaxon.wakeups import wake
from polyaxon_schemas import Rendered

RENDERED = "_rendered"
"""Attribute of a trial that is not stored yet: what its file makes of its params."""
RESUME, RESTART = "resume", "restart"
MOST_AS_READ = MOST_DRAWN  # more are rare, and each number of them is a statement of its own


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A suggestion, and what the file makes of it."""

    suggestion: Suggestion
    content: dict[str, Any]
    rendered: Rendered
    asked: dict[str, Any]  # columns that hold what the file asks for
    build: int | None = None  # number of the build whose image it waits for


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a trial is made from, and how it goes on with its outputs."""

    original: int | None = None
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """New trials that have their numbers, and what is to be stored of them if their search is still as it was read."""

    trials: Sequence[Experiment]
    replicas: Sequence[int]  # numbers for their master replicas, if there is a starter
    first: Sequence[Statement]
    rows: Sequence[Statement]
    records: Sequence[Statement]
    events: Sequence[Event]

    def store(self) -> bool:
        """Store them as `created`; False if that has to be done under the lock."""
        statements = [*self.first, *self.rows, *self.records]
        is_stored = unlocked.write([], durable=False, first=statements, told_first=self.events)
        if is_stored:
            wake("dispatch")
        return is_stored

    def besides_rows(self) -> list[Statement]:
        """What is to be stored of them for a caller who stores their rows, after they have changed."""
        for trial in self.trials:
            trial._state.adding = True  # noqa: SLF001 - there is no row yet
        return [*self.first, *self.records]


# Stores new trials as runs that begin at once. Whether it has; if not, it has done nothing.
Starter = Callable[[Draft], bool]


def add_trials(
    group: ExperimentGroup, suggestions: Sequence[Suggestion], *, complete: bool, starter: Starter | None = None
) -> list[Experiment]:
    """Store `suggestions` as trials with status `created`; `complete`: no further ones will come.

    With a `starter` they may begin at once instead, where that is possible without the lock.

    Suggestions whose index is there already are left out, so the same decision may be stored twice. A search that was
    stopped, or whose suggestions are complete, takes no more: the decision is older than that. Raises
    PolyaxonfileError when the file cannot be turned into the command of one of them.
    """
    plan = plan_of(group)
    prepared = [_prepare(group, plan, suggestion) for suggestion in suggestions]
    added = None if complete else _add_as_read(group, plan, prepared, starter)
    return _add_locked(group, plan, prepared, complete=complete) if added is None else added


def _bounds(prepared: Sequence[_Prepared]) -> Bounds:
    indexes = [each.suggestion.index for each in prepared]
    return (min(indexes), max(indexes)) if indexes else (0, -1)


# -- if nobody else is at it --


def _add_as_read(
    group: ExperimentGroup, plan: Plan, prepared: Sequence[_Prepared], starter: Starter | None
) -> list[Experiment] | None:
    """None if it has to be done under the lock."""
    if not (0 < len(prepared) <= MOST_AS_READ and unlocked.is_possible()):
        return None
    draft = _draft(group, plan, prepared, with_replicas=starter is not None)
    if draft is None or not ((starter is not None and starter(draft)) or draft.store()):
        return None
    return list(draft.trials)


def _draft(group: ExperimentGroup, plan: Plan, prepared: Sequence[_Prepared], *, with_replicas: bool) -> Draft | None:
    """None if more is to be looked at than can be read beforehand."""
    many = len(prepared)
    drawn, now = as_drawn(group, many) or draw(group, _bounds(prepared), many, many if with_replicas else 0)
    if not now.takes_more or now.present or now.has_replaced:
        return None
    iteration = _iteration(group, now, many)
    iteration.pk = drawn.iteration
    trials = _rows(group, plan, prepared, iteration, now)
    for trial, key, each in zip(trials, drawn.trials, prepared, strict=True):
        trial.pk = key
        trial.__dict__[RENDERED] = each.rendered
    first = [as_read(group, now), insertion_with_key(iteration)]
    stored = list(map(insertion_with_key, trials))
    told = _told(group, trials)
    records = list(_records(group, trials, prepared))
    if acts := events.acts_of(told):
        records.append(insertion(acts))
    return Draft(trials, drawn.replicas, first, stored, records, told)


# -- under the lock --


@transaction.atomic
def _add_locked(
    group: ExperimentGroup, plan: Plan, prepared: Sequence[_Prepared], *, complete: bool
) -> list[Experiment]:
    now = lock_search(group, _bounds(prepared))
    if not now.takes_more:
        group.suggestions_complete = now.suggestions_complete
        return []
    fresh = [each for each in prepared if each.suggestion.index not in now.present]
    trials = _add(group, plan, fresh, now) if fresh else []
    if complete:
        group.suggestions_complete = True
        group.save(update_fields=["suggestions_complete", "updated_at"])
    return trials


def _add(locked: ExperimentGroup, plan: Plan, fresh: Sequence[_Prepared], now: SearchState) -> list[Experiment]:
    iteration = append(_iteration(locked, now, len(fresh)))
    trials = _rows(locked, plan, fresh, iteration, now)
    append_all(trials)
    events.store(_told(locked, trials), first=_records(locked, trials, fresh))
    wake("dispatch")
    return trials


# -- rows --


def _prepare(group: ExperimentGroup, plan: Plan, suggestion: Suggestion) -> _Prepared:
    """Renders the file with the suggestion's params, which is what its launch will do."""
    rendered = plan.specification.render(suggestion.params)
    content = plan.specification.trial_content(suggestion.params)
    return _Prepared(suggestion, content, rendered, asked_columns(rendered), _build(group, rendered))


def _build(group: ExperimentGroup, rendered: Rendered) -> int | None:
    """Number of the build whose image a trial waits for. Of `nocache` each search builds anew, not each trial."""
    if rendered.build is None:
        return None
    if rendered.build.nocache:
        earlier = group.experiments.filter(build_job__isnull=False).values_list("build_job", flat=True).first()
        if earlier is not None:
            return int(earlier)
    build = image_for(group.project, group.user, rendered, group.code_reference)
    return build.pk if build else None


def _iteration(group: ExperimentGroup, now: SearchState, suggestions: int) -> ExperimentGroupIteration:
    data = {"num_suggestions": suggestions}
    return ExperimentGroupIteration(experiment_group=group, number=now.iterations, data=data)


def _rows(
    group: ExperimentGroup,
    plan: Plan,
    fresh: Sequence[_Prepared],
    iteration: ExperimentGroupIteration,
    now: SearchState,
) -> list[Experiment]:
    origins = _origins(group, [each.suggestion for each in fresh], now)
    shared = _shared(group, plan, iteration)
    return [_row(each, origins.get(each.suggestion.index, _Origin()), shared) for each in fresh]


def _records(
    group: ExperimentGroup, trials: Sequence[Experiment], fresh: Sequence[_Prepared]
) -> tuple[Statement, Statement]:
    """The statements that store what new trials begin with: their status, and why they were made."""
    starts = [_start(group, trial, each.suggestion) for trial, each in zip(trials, fresh, strict=True)]
    return first_statuses(trials), insertion(starts)


def _told(group: ExperimentGroup, trials: Sequence[Experiment]) -> list[Event]:
    told = [events.make("new_iteration", group, context={"suggestions": len(trials)})]
    return told + [events.make("created", trial, actor=group.user_id) for trial in trials]


def _shared(group: ExperimentGroup, plan: Plan, iteration: ExperimentGroupIteration) -> dict[str, Any]:
    """What all trials have in common. Their code is that of the search's start."""
    specification = plan.specification
    return {
        "project_id": group.project_id,
        "user_id": group.user_id,
        "experiment_group": group,
        "iteration": iteration,
        "code_reference_id": group.code_reference_id,
        "backend": backend_of(specification) or group.backend or "native",
        "framework": specification.framework,
        "tags": clean_tags(specification.tags or None),
    }


def _row(prepared: _Prepared, origin: _Origin, shared: Mapping[str, Any]) -> Experiment:
    return Experiment(
        trial_index=prepared.suggestion.index,
        content=json.dumps(prepared.content),
        params=prepared.content["params"] or None,
        build_job_id=prepared.build,
        **prepared.asked,
        original_experiment_id=origin.original,
        cloning_strategy=origin.strategy,
        **shared,
    )


def _start(group: ExperimentGroup, trial: Experiment, suggestion: Suggestion) -> SearchDecision:
    return SearchDecision(
        experiment_group=group,
        experiment=trial,
        kind=SearchDecision.START,
        trial_index=suggestion.index,
        bracket=suggestion.stage.bracket,
        rung=suggestion.stage.rung,
        parent_index=suggestion.parent,
        strategy=suggestion.strategy,
        reason=suggestion.reason,
        numbers=dict(suggestion.numbers),
    )


def _origins(group: ExperimentGroup, suggestions: Sequence[Suggestion], now: SearchState) -> dict[int, _Origin]:
    """By index. A trial that was interrupted when its search was stopped goes on with what it left."""
    parents = _trials_at(group, {each.parent for each in suggestions if each.parent is not None})
    found = {each.index: _origin(each, parents) for each in suggestions if each.parent in parents}
    if now.has_replaced:
        for index, interrupted in _interrupted(group, [each.index for each in suggestions]).items():
            found[index] = _Origin(_root(interrupted), RESUME)
    return found


def _trials_at(group: ExperimentGroup, indexes: set[int]) -> dict[int | None, Experiment]:
    rows = _AT.all(group=group.pk, indexes=listed(sorted(indexes))) if indexes else ()
    return {row.trial_index: row for row in rows}


def _at(group: int, indexes: str) -> QuerySet[Experiment]:
    rows = Experiment._default_manager.filter(experiment_group=group, trial_index__among=indexes)
    return rows.only("trial_index", "cloning_strategy", "original_experiment_id")


_AT = Prepared(_at, group=int, indexes=str)


def _origin(suggestion: Suggestion, parents: Mapping[int | None, Experiment]) -> _Origin:
    parent = parents[suggestion.parent]
    if suggestion.strategy in {Strategy.RESUME, Strategy.COPY}:
        return _Origin(_root(parent), suggestion.strategy)
    return _Origin(parent.pk, RESTART)


def _root(trial: Experiment) -> int:
    """The run in whose outputs `trial` writes."""
    original = trial.original_experiment_id if trial.cloning_strategy == RESUME else None
    return int(original or trial.pk)


def _interrupted(group: ExperimentGroup, indexes: Sequence[int]) -> dict[int, Experiment]:
    """The last trial of each index that a stop ended after it had begun."""
    rows = group.decisions.filter(kind=SearchDecision.REPLACED, trial_index__in=indexes, experiment__attempt__gt=0)
    return {
        row.trial_index: row.experiment
        for row in rows.select_related("experiment").order_by("id")
        if row.trial_index is not None and row.experiment is not None
    }
