"""Trials that do badly are stopped while they run."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.pruning import prune
from polyaxon.actions.trials import prune_trial
from polyaxon.db.models import ExperimentGroup
from polyaxon.trials.curves import Progress, curves, progress, widened
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
    if not any(trial.running for trial in trials) or not _is_new((group.pk, place), trials, interval):
        return
    policy = item.policy.model_copy(update={"evaluation_interval": interval})
    stops = prune(item.model_copy(update={"policy": policy}), curves(trials, interval))
    rows = group.experiments.filter(trial_index__in=[stop.index for stop in stops]) if stops else ()
    by_index = {row.trial_index: row for row in rows}
    for stop in stops:
        prune_trial(by_index[stop.index], stop.reason, stop.numbers)


def _is_new(key: tuple[int, int], trials: Sequence[Progress], interval: int) -> bool:
    """Whether any trial has come further, begun or ended since the last time."""
    now = [(trial.series, trial.running, trial.last_step // interval) for trial in trials]
    if _seen.get(key) == now:
        return False
    if len(_seen) >= _MOST_SEEN:
        _seen.clear()
    _seen[key] = now
    return True


def groups_to_watch() -> list[int]:
    """Running searches whose end, or whose trials' end, hangs on what trials report while they run."""
    rows = queue.open_groups().filter(stop_requested_at=None).values_list("pk", "hptuning")
    return [pk for pk, section in rows if section and section.get("early_stopping")]
