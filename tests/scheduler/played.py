"""Searches whose trials are played instead of run: the passes are the real ones, only the processes are not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group
from tests.factories import make_group, make_metrics

UNIFORM = {"lr": {"uniform": [0.0, 1.0]}}
# What becomes of a trial: its status and its metrics.
Play = Callable[[Experiment], tuple[str, dict[str, float]]]


def search(section: Mapping[str, Any], cmd: str = "echo {{ lr }}", **fields: Any) -> ExperimentGroup:
    """A group with this search; over `lr` unless it says otherwise."""
    hptuning = {"matrix": UNIFORM, "seed": 7, **section}
    return make_group(
        content=json.dumps({"version": 1, "kind": "group", "hptuning": hptuning, "run": {"cmd": cmd}}), **fields
    )


def succeed(trial: Experiment) -> tuple[str, dict[str, float]]:
    return "succeeded", {"loss": float(trial.params["lr"])}


def step(group: ExperimentGroup) -> list[Experiment]:
    """One round of passes; the trials that it started."""
    advance_group(group)
    dispatch()
    started = list(group.experiments.filter(status="scheduled").order_by("pk"))
    for trial in started:
        set_status(trial, "running")
    return started


def play(group: ExperimentGroup, outcome: Play = succeed, rounds: int = 200) -> list[str]:
    """Play `group` to its end; the commands' params, in the order of their start."""
    order: list[str] = []
    for _ in range(rounds):
        step(group)
        for trial in group.experiments.filter(status="running", stop_requested_at=None).order_by("pk"):
            order.append(json.dumps(trial.params, sort_keys=True))
            status, metrics = outcome(trial)
            if metrics:
                make_metrics(trial, metrics)
            set_status(trial, status)
        group.refresh_from_db()
        if group.is_done:
            return order
    raise AssertionError(f"the search is {group.status} after {rounds} rounds")
