"""What a model learns from a trial."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING

from hpsearch.trial import TrialState

if TYPE_CHECKING:
    from hpsearch.trial import Trial
    from polyaxon_schemas.search import Metric


class Outcome(Enum):
    WAITING = "it is not done yet"
    VALUE = "it has a value"
    BAD = "it failed, or its value is no number: such points are to be avoided"
    UNKNOWN = "it says nothing of its point"


def outcome(trial: Trial, metric: str) -> Outcome:
    """What is known of a trial as far as one metric goes.

    A trial that was stopped counts with the value it had. One that failed counts as bad whatever it had reported, as
    does one that ended with NaN or an infinity; one that ended without a report speaks neither for its point nor
    against it.
    """
    if not trial.state.is_done:
        return Outcome.WAITING
    if trial.state == TrialState.FAILED:
        return Outcome.BAD
    value = trial.metrics.get(metric)
    if value is not None and math.isfinite(value):
        return Outcome.VALUE
    succeeded = trial.state == TrialState.SUCCEEDED
    return Outcome.BAD if succeeded and value is not None else Outcome.UNKNOWN


def loss(trial: Trial, metric: Metric) -> float:
    """The value of a trial that has one, turned so that less is better."""
    value = float(trial.metrics[metric.name])
    return value if metric.optimization == "minimize" else -value
