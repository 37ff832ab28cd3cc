"""Trials that no other one beats in every metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.outcomes import loss
from hpsearch.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.trial import Trial
    from polyaxon_schemas.search import Metric


def pareto_front(trials: Sequence[Trial], metrics: Sequence[Metric]) -> list[int]:
    """The places in ``trials`` of those that succeeded, have every metric, and are not dominated.

    One trial dominates another when it is at least as good in every metric and better in one; of equal trials all are
    on the front. A trial with a metric that is missing or NaN is left out.
    """
    places = [place for place, trial in enumerate(trials) if _is_complete(trial, metrics)]
    losses = np.array([[loss(trials[place], metric) for metric in metrics] for place in places])
    # In the order of their losses a trial is dominated only by one before it, and then by one of the front so far.
    front: list[int] = []
    for row in np.lexsort(losses.T[::-1]) if places else []:
        best = losses[front]
        dominated = np.any(np.all(best <= losses[row], axis=1) & np.any(best < losses[row], axis=1))
        if not dominated:
            front.append(int(row))
    return sorted(places[row] for row in front)


def _is_complete(trial: Trial, metrics: Sequence[Metric]) -> bool:
    values = [trial.metrics.get(metric.name) for metric in metrics]
    known = all(value is not None and not math.isnan(value) for value in values)
    return trial.state == TrialState.SUCCEEDED and known and bool(metrics)
