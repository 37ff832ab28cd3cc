"""When a whole group has reached what it was run for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.trial import Trial
    from polyaxon_schemas.hptuning import EarlyStopping, HpTuning


def stopping_rule(hptuning: HpTuning, trials: Sequence[Trial]) -> str | None:
    """Why the group is to be stopped, when a trial's metric has reached the value of an early stopping item.

    Items with a policy are about single trials and never stop the group.
    """
    for item in hptuning.early_stopping:
        if item.value is None or item.policy is not None:
            continue
        for trial in trials:
            value = trial.metrics.get(item.metric)
            if value is not None and _reached(value, item):
                sign = "≥" if item.optimization == "maximize" else "≤"
                return f"early stopping: {item.metric} = {value:g} {sign} {item.value:g} in {_name(trial)}"
    return None


def _name(trial: Trial) -> str:
    return "a trial added by hand" if trial.index is None else f"trial {trial.index}"


def _reached(value: float, item: EarlyStopping) -> bool:
    assert item.value is not None
    if math.isnan(value):
        return False
    return value >= item.value if item.optimization == "maximize" else value <= item.value
