"""The next step of a search: suggestions, slots, the end."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

from django.db import Error as AnyDatabaseError

from hpsearch import Decision, MemoryHistory, Trial, TrialState, create_algorithm, stopping_rule
from polyaxon.actions.groups import add_trials
from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.lifecycles import tables as s
from polyaxon.stores.series import summaries
from polyaxon.wakeups import wake
from polyaxon_schemas import Specification, parse
from polyaxon_schemas.hptuning import HpTuning

logger = logging.getLogger(__name__)

# Stored in one transaction, which keeps other writers waiting on SQLite.
SUGGESTIONS_AT_ONCE = 50

STATES = {
    s.SUCCEEDED: TrialState.SUCCEEDED,
    s.FAILED: TrialState.FAILED,
    s.UPSTREAM_FAILED: TrialState.FAILED,
    s.STOPPED: TrialState.STOPPED,
    s.SKIPPED: TrialState.STOPPED,
    s.CREATED: TrialState.PENDING,
    s.RESUMING: TrialState.PENDING,
}


def advance_group(group: ExperimentGroup) -> None:
    """Do what `group` needs next. A search that cannot go on fails with the reason instead of hanging."""
    if group.is_done or group.group_type != ExperimentGroup.STUDY or not group.is_managed:
        return
    try:
        _advance(group)
    except AnyDatabaseError:
        raise  # passing trouble: the next pass does it again
    except Exception as error:
        logger.exception("The search of group %s failed", group.pk)
        set_status(group, s.FAILED, message=f"The search failed: {error}", traceback=traceback.format_exc())
        stop_abandoned(group)


def _advance(group: ExperimentGroup) -> None:
    if group.status == s.STOPPING or group.stop_requested_at is not None:
        _stop(group)
        return
    if group.status in group.LIFECYCLE.pending:
        set_status(group, s.RUNNING)
    trials = _trials(group)
    specification = parse(group.content or "", kind="group")
    _suggest(group, specification, trials)
    reason = stopping_rule(_hptuning(specification), _history(trials))
    if reason:
        request_stop(group, message=reason)
        _stop(group)
        return
    if not _finish_if_done(group):
        wake("dispatch")


def _trials(group: ExperimentGroup) -> list[Experiment]:
    return list(group.experiments.order_by("trial_index", "id"))


def _hptuning(specification: Specification) -> HpTuning:
    assert specification.hptuning is not None
    return specification.hptuning


def _suggest(group: ExperimentGroup, specification: Specification, trials: Sequence[Experiment]) -> None:
    if group.suggestions_complete:
        return
    algorithm = create_algorithm(_hptuning(specification), seed=group.seed)
    decision: Decision = algorithm.suggest(MemoryHistory(_history(trials)), limit=SUGGESTIONS_AT_ONCE)
    add_trials(group, specification, decision.suggestions, complete=decision.finished)
    if decision.suggestions and not decision.finished:
        wake("group", group.pk)


def _history(trials: Sequence[Experiment]) -> list[Trial]:
    """What the algorithm learns from: the trials that it suggested. Clones made by hand have no index."""
    metrics = summaries(trials)
    return [
        Trial(
            index=trial.trial_index,
            params=trial.params or {},
            state=STATES.get(trial.status, TrialState.RUNNING),
            metrics=metrics[trial.pk],
        )
        for trial in trials
        if trial.trial_index is not None
    ]


def _stop(group: ExperimentGroup) -> None:
    reason = group.status_message or "Its group was stopped."
    if group.status != s.STOPPING:
        set_status(group, s.STOPPING, message=reason)
    for trial in group.experiments.exclude(status__in=EXPERIMENT.done).filter(stop_requested_at=None):
        request_stop(trial, message=reason)
    if not group.experiments.exclude(status__in=EXPERIMENT.done).exists():
        set_status(group, s.STOPPED, message=reason)


def stop_abandoned(group: ExperimentGroup) -> None:
    """Stop the trials that wait for a search that has ended: nobody would ever dispatch them."""
    for trial in group.experiments.filter(status__in=EXPERIMENT.pending, trial_index__isnull=False):
        request_stop(trial, message=f"Its search has ended: {group.status_message or group.status}")


def _finish_if_done(group: ExperimentGroup) -> bool:
    statuses = list(group.experiments.exclude(trial_index=None).values_list("status", flat=True))
    if not group.suggestions_complete or set(statuses) - EXPERIMENT.done:
        return False
    if statuses and set(statuses) <= EXPERIMENT.failed:
        set_status(group, s.FAILED, message=f"All {len(statuses)} trials failed.")
    else:
        set_status(group, s.DONE)
    return True
