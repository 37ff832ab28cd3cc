"""What becomes of the trials of a search, and the decisions about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import lock
from polyaxon.db.models import Experiment, SearchDecision
from polyaxon.db.models.abstract import Runnable
from polyaxon.db.models.plugins import Plugin
from polyaxon.lifecycles import tables as s


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
