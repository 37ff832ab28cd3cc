"""Trials that do badly are stopped while they run."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.pruning import Stop, prune
from polyaxon.actions.trials import prune_trial
from polyaxon.db.models import ExperimentGroup
from polyaxon.trials.curves import curves, progress, widened
from polyaxon.trials.plans import Plan
from polyaxon_schemas.hptuning import EarlyStopping
from scheduler.passes import queue

# How far the trials of a group were when a policy was last applied: nothing new, nothing to do.
_seen: dict[tuple[int, int], list[tuple[int, bool, int]]] = {}
_MOST_SEEN = 1000


def prune_trials(group: ExperimentGroup, plan: Plan) -> None:
    """Apply every policy of the search to its running trials."""
    for place, item in enumerate(plan.hptuning.early_stopping):
        if item.policy is not None:
            _apply(group, place, item)


def _apply(group: ExperimentGroup, place: int, item: EarlyStopping) -> None:
    assert item.policy is not None
    trials = progress(group, item.metric)
    interval = widened(item.policy.evaluation_interval, trials)
    now = [(trial.series, trial.running, trial.last_step // interval) for trial in trials]
    if not any(trial.running for trial in trials) or _seen.get((group.pk, place)) == now:
        return  # no trial has come further, begun or ended
    policy = item.policy.model_copy(update={"evaluation_interval": interval})
    _stop(group, prune(item.model_copy(update={"policy": policy}), curves(trials, interval)))
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[group.pk, place] = now


def _stop(group: ExperimentGroup, stops: Sequence[Stop]) -> None:
    rows = group.experiments.filter(trial_index__in=[stop.index for stop in stops]) if stops else ()
    by_index = {row.trial_index: row for row in rows}
    for stop in stops:
        prune_trial(by_index[stop.index], stop.reason, stop.numbers)


def groups_to_watch() -> list[int]:
    """Running searches whose end, or whose trials' end, hangs on what trials report while they run."""
    rows = queue.open_groups().filter(stop_requested_at=None).values_list("pk", "hptuning")
    return [pk for pk, section in rows if section and section.get("early_stopping")]
