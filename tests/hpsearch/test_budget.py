"""What a search may spend."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.budget import spent
from polyaxon_schemas.hptuning import Budget


@pytest.mark.parametrize(
    ("budget", "used", "reason"),
    [
        ({}, {"trials": 10**6, "failures": 10**6, "hours": 1e6}, None),
        ({"max_trials": 10}, {"trials": 9}, None),
        ({"max_trials": 10}, {"trials": 10}, "budget: 10 trials of 10 are used up (max_trials)"),
        ({"max_failures": 3}, {"trials": 10, "failures": 2}, None),
        ({"max_failures": 3}, {"failures": 4}, "budget: 4 failures of 3 are used up (max_failures)"),
        ({"max_hours": 1.5}, {"hours": 1.49}, None),
        ({"max_hours": 1.5}, {"hours": 1.5000001}, "budget: 1.5 hours of 1.5 are used up (max_hours)"),
        (
            {"max_trials": 1, "max_hours": 1},
            {"trials": 1, "hours": 2},
            "budget: 1 trials of 1 are used up (max_trials)",
        ),
    ],
)
def test_a_budget_is_used_up(budget: dict[str, Any], used: dict[str, Any], reason: str | None) -> None:
    assert spent(Budget.model_validate(budget), **{"trials": 0, "failures": 0, "hours": 0.0, **used}) == reason
