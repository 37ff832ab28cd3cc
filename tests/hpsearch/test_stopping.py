"""Group-level early stopping."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hpsearch import Trial, TrialState, stopping_rule
from polyaxon_schemas.hptuning import HpTuning


def rule(items: list[dict[str, Any]], *metrics: dict[str, float]) -> str | None:
    tuning = HpTuning.model_validate({"matrix": {"a": {"values": [1]}}, "early_stopping": items})
    return stopping_rule(tuning, [Trial(i, {}, TrialState.RUNNING, values) for i, values in enumerate(metrics)])


LOSS = {"metric": "loss", "value": 0.1, "optimization": "minimize"}
ACCURACY = {"metric": "accuracy", "value": 0.9}


@pytest.mark.parametrize(
    ("items", "metrics", "reason"),
    [
        ([LOSS], {"loss": 0.1}, "early stopping: loss = 0.1 ≤ 0.1 in trial 1"),
        ([LOSS], {"loss": 0.2}, None),
        ([ACCURACY], {"accuracy": 0.95}, "early stopping: accuracy = 0.95 ≥ 0.9 in trial 1"),
        ([ACCURACY], {"accuracy": 0.5}, None),
        ([LOSS, ACCURACY], {"loss": 1.0, "accuracy": 1.0}, "early stopping: accuracy = 1 ≥ 0.9 in trial 1"),
        ([ACCURACY], {"accuracy": math.nan}, None),
        ([ACCURACY], {"accuracy": math.inf}, "early stopping: accuracy = inf ≥ 0.9 in trial 1"),
        ([ACCURACY], {}, None),
        ([], {"accuracy": 1.0}, None),
    ],
)
def test_a_group_stops_when_a_value_is_reached(
    items: list[dict[str, Any]], metrics: dict[str, float], reason: str | None
) -> None:
    assert rule(items, {"other": 1.0}, metrics) == reason


def test_policies_never_stop_the_group() -> None:
    policy = {"kind": "median", "evaluation_interval": 1}
    assert rule([{"metric": "loss", "value": 1, "policy": policy}], {"loss": 5.0}) is None
