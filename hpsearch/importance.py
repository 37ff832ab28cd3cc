"""Which parameters matter, and which trial is the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.encoding import Encoding
from hpsearch.errors import SearchError
from hpsearch.outcomes import Outcome, loss, outcome
from hpsearch.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.space import SearchSpace
    from hpsearch.trial import Trial
    from polyaxon_schemas.search import Metric

#: With fewer finished trials nothing can be said.
MIN_TRIALS = 5


def importances(space: SearchSpace, trials: Sequence[Trial], metric: Metric) -> dict[str, float]:
    """The share of each parameter in the variance of a metric over the space, the largest first; they add up to 1.

    By functional ANOVA (Hutter et al. 2014), whose forest is asked about all of the space evenly, so that it matters
    little where a search looked most. PED-ANOVA is faster, but takes what a model-based search did not vary any
    more for unimportant, and what it varied by chance for important.

    Raises SearchError when there are fewer than MIN_TRIALS finished trials, or all of them are equally good.
    """
    encoding = Encoding(space)
    known = [
        (codes, loss(trial, metric))
        for trial in trials
        if trial.state == TrialState.SUCCEEDED
        and outcome(trial, metric.name) == Outcome.VALUE
        and (codes := encoding.codes(trial.params)) is not None
    ]
    if len(known) < MIN_TRIALS:
        raise SearchError(
            f"importances need at least {MIN_TRIALS} finished trials with {metric.name}; there are {len(known)}"
        )
    if len({value for _, value in known}) == 1:
        raise SearchError(f"every finished trial has the same {metric.name}, so no parameter made a difference")
    from hpsearch.importance_model import shares  # noqa: PLC0415 - scikit-learn is loaded when it is needed

    found = shares(encoding, known)
    total = sum(found.values())
    if total <= 0:
        raise SearchError(f"no parameter by itself explains {metric.name}")
    return {name: share / total for name, share in sorted(found.items(), key=lambda pair: -pair[1])}


def best_trial(trials: Sequence[Trial], metric: Metric) -> Trial | None:
    """The trial that succeeded with the best value, the first of equal ones; None when no trial has one."""
    known = [
        trial
        for trial in trials
        if trial.state == TrialState.SUCCEEDED and outcome(trial, metric.name) == Outcome.VALUE
    ]
    return min(known, key=lambda trial: loss(trial, metric), default=None)
