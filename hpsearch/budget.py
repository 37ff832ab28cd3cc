"""When a search has spent what it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyaxon_schemas.hptuning import Budget


def spent(budget: Budget, *, trials: int, failures: int, hours: float) -> str | None:
    """Why a search is to end, in one line; None as long as nothing is used up.

    ``trials`` were made, ``failures`` of them failed for good, and ``hours`` have gone by since the search began.
    """
    spendings = (
        ("max_trials", trials, budget.max_trials, "trials"),
        ("max_failures", failures, budget.max_failures, "failures"),
        ("max_hours", hours, budget.max_hours, "hours"),
    )
    for name, used, most, unit in spendings:
        if most is not None and used >= most:
            return f"budget: {used:.6g} {unit} of {most:g} are used up ({name})"
    return None
