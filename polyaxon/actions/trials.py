"""Trials of a search, and the decisions about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from hpsearch import Strategy, Suggestion
from polyaxon import events
from polyaxon.actions.creation import asked_columns, backend_of
from polyaxon.actions.images import image_for
from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import first_statuses, lock
from polyaxon.actions.tags import clean_tags
from polyaxon.db.models import Experiment, ExperimentGroup, ExperimentGroupIteration, SearchDecision
from polyaxon.db.models.abstract import Runnable
from polyaxon.db.models.plugins import Plugin
from polyaxon.db.server_side import answers
from polyaxon.db.writes import append, append_all, insertion
from polyaxon.lifecycles import tables as s
from polyaxon.trials.plans import Plan, plan_of
from polyaxon.wakeups import wake
from polyaxon_schemas import Rendered

RESUME, RESTART = "resume", "restart"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A suggestion, and what the file makes of it."""

    suggestion: Suggestion
    content: dict[str, Any]
    asked: dict[str, Any]  # columns that hold what the file asks for
    build: int | None = None  # number of the build whose image it waits for


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a trial is made from, and how it goes on with its outputs."""

    original: int | None = None
    strategy: str | None = None


def add_trials(group: ExperimentGroup, suggestions: Sequence[Suggestion], *, complete: bool) -> list[Experiment]:
    """Store `suggestions` as trials with status `created`; `complete`: no further ones will come.

    Suggestions whose index is there already are left out, so the same decision may be stored twice. A search that was
    stopped, or whose suggestions are complete, takes no more: the decision is older than that. Raises
    PolyaxonfileError when the file cannot be turned into the command of one of them.
    """
    plan = plan_of(group)
    prepared = [_prepare(group, plan, suggestion) for suggestion in suggestions]
    with transaction.atomic():
        locked = lock(group)
        assert isinstance(locked, ExperimentGroup)
        trials: list[Experiment] = []
        if not (locked.is_done or locked.stop_requested_at is not None or locked.suggestions_complete):
            trials = _add(locked, plan, _fresh(locked, prepared))
            if complete:
                locked.suggestions_complete = True
                locked.save(update_fields=["suggestions_complete", "updated_at"])
    group.suggestions_complete = locked.suggestions_complete
    return trials


# Asked for every trial of a search that thinks before each, so Postgres plans them once.
_PRESENT = (
    f"SELECT trial_index FROM {Experiment._meta.db_table} "  # noqa: S608 - a table's name
    "WHERE experiment_group_id = %s AND trial_index BETWEEN %s AND %s"
)
_ITERATIONS = f"SELECT COUNT(*) FROM {ExperimentGroupIteration._meta.db_table} WHERE experiment_group_id = %s"  # noqa: S608
_REPLACED = (
    f"SELECT 1 FROM {SearchDecision._meta.db_table} WHERE experiment_group_id = %s AND kind = 'replaced' LIMIT 1"  # noqa: S608
)


def _prepare(group: ExperimentGroup, plan: Plan, suggestion: Suggestion) -> _Prepared:
    """Renders the file with the suggestion's params, which is what its launch will do."""
    rendered = plan.specification.render(suggestion.params)
    content = plan.specification.trial_content(suggestion.params)
    return _Prepared(suggestion, content, asked_columns(rendered), _build(group, rendered))


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


def _fresh(locked: ExperimentGroup, prepared: Sequence[_Prepared]) -> list[_Prepared]:
    if not prepared:
        return []
    indexes = [each.suggestion.index for each in prepared]
    present = {index for (index,) in answers(_PRESENT, locked.pk, min(indexes), max(indexes))}
    return [each for each in prepared if each.suggestion.index not in present]


def _add(locked: ExperimentGroup, plan: Plan, fresh: Sequence[_Prepared]) -> list[Experiment]:
    if not fresh:
        return []
    ((number,),) = answers(_ITERATIONS, locked.pk)
    data = {"num_suggestions": len(fresh)}
    iteration = append(ExperimentGroupIteration(experiment_group=locked, number=number, data=data))
    origins = _origins(locked, [each.suggestion for each in fresh])
    shared = _shared(locked, plan, iteration)
    trials = [_row(each, origins.get(each.suggestion.index, _Origin()), shared) for each in fresh]
    append_all(trials)
    starts = [_start(locked, trial, each.suggestion) for trial, each in zip(trials, fresh, strict=True)]
    told = [events.make("new_iteration", locked, context={"suggestions": len(fresh)})]
    told += [events.make("created", trial, actor=locked.user_id) for trial in trials]
    events.store(told, first=[first_statuses(trials), insertion(starts)])
    wake("dispatch")
    return trials


def _shared(locked: ExperimentGroup, plan: Plan, iteration: ExperimentGroupIteration) -> dict[str, Any]:
    """What all trials have in common. Their code is that of the search's start."""
    specification = plan.specification
    return {
        "project_id": locked.project_id,
        "user_id": locked.user_id,
        "experiment_group": locked,
        "iteration": iteration,
        "code_reference_id": locked.code_reference_id,
        "backend": backend_of(specification) or locked.backend or "native",
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


def _start(locked: ExperimentGroup, trial: Experiment, suggestion: Suggestion) -> SearchDecision:
    return SearchDecision(
        experiment_group=locked,
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


def _origins(locked: ExperimentGroup, suggestions: Sequence[Suggestion]) -> dict[int, _Origin]:
    """By index. A trial that was interrupted when its search was stopped goes on with what it left."""
    parents = _trials_at(locked, {each.parent for each in suggestions if each.parent is not None})
    found = {each.index: _origin(each, parents) for each in suggestions if each.parent in parents}
    for index, interrupted in _interrupted(locked, [each.index for each in suggestions]).items():
        found[index] = _Origin(_root(interrupted), RESUME)
    return found


def _trials_at(locked: ExperimentGroup, indexes: set[int]) -> dict[int | None, Experiment]:
    rows = locked.experiments.filter(trial_index__in=indexes) if indexes else ()
    return {row.trial_index: row for row in rows}


def _origin(suggestion: Suggestion, parents: Mapping[int | None, Experiment]) -> _Origin:
    parent = parents[suggestion.parent]
    if suggestion.strategy in {Strategy.RESUME, Strategy.COPY}:
        return _Origin(_root(parent), suggestion.strategy)
    return _Origin(parent.pk, RESTART)


def _root(trial: Experiment) -> int:
    """The run in whose outputs `trial` writes."""
    original = trial.original_experiment_id if trial.cloning_strategy == RESUME else None
    return int(original or trial.pk)


def _interrupted(locked: ExperimentGroup, indexes: Sequence[int]) -> dict[int, Experiment]:
    """The last trial of each index that a stop ended after it had begun."""
    if not answers(_REPLACED, locked.pk):
        return {}
    rows = locked.decisions.filter(kind=SearchDecision.REPLACED, trial_index__in=indexes, experiment__attempt__gt=0)
    return {
        row.trial_index: row.experiment
        for row in rows.select_related("experiment").order_by("id")
        if row.trial_index is not None and row.experiment is not None
    }


@transaction.atomic
def prune_trial(trial: Experiment, reason: str, numbers: Mapping[str, Any]) -> bool:
    """Stop a trial because it does badly. Returns False when it is done, or asked to stop, already."""
    row = lock(trial)
    assert isinstance(row, Experiment)
    if row.is_done or row.stop_requested_at is not None:
        return False
    decide(row, SearchDecision.STOP, reason, numbers)
    return request_stop(trial, message=reason)


def decide(trial: Experiment, kind: str, reason: str, numbers: Mapping[str, Any] | None = None) -> None:
    """Record a decision about a trial, in the caller's transaction."""
    assert trial.experiment_group_id is not None
    SearchDecision.objects.create(
        experiment_group_id=trial.experiment_group_id,
        experiment=trial,
        kind=kind,
        trial_index=trial.trial_index,
        reason=reason,
        numbers=dict(numbers or {}),
    )


def why_stopped(run: Runnable) -> str | None:
    """Why the platform wanted `run` to end; None when its user did."""
    if isinstance(run, Plugin):
        told: str | None = (
            type(run)._base_manager.values_list("definition", flat=True).get(pk=run.pk).get("stop_reason")
        )
        return told
    if not isinstance(run, Experiment) or run.experiment_group_id is None:
        return None
    decision = SearchDecision.objects.filter(experiment=run, kind=SearchDecision.STOP).order_by("-id").first()
    if decision is not None:
        return decision.reason
    group = run.experiment_group
    assert group is not None
    return group.status_message or None if group.stop_requested_at is not None else None


def next_retry(trial: Experiment) -> tuple[int, int]:
    """The number of the next retry of `trial`, and how many its search allows: none of a run that a person added."""
    group = trial.experiment_group
    if group is None or trial.trial_index is None or group.status != s.RUNNING or group.stop_requested_at is not None:
        return 1, 0
    most = int((group.hptuning or {}).get("max_retries", 0))
    return (1 + trial.decisions.filter(kind=SearchDecision.RETRY).count() if most else 1), most
