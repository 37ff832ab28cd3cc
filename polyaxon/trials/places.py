"""Where a trial stands in its search."""

from __future__ import annotations

from polyaxon.db.models import Experiment, SearchDecision


def place_of(experiment: Experiment) -> dict[str, int | None] | None:
    """Its `index`, stage (`bracket`, `rung`) and `parent`'s index; None for a run that no search suggested."""
    if experiment.trial_index is None:
        return None
    starts = experiment.decisions.filter(kind=SearchDecision.START)
    # A trial of before decisions were stored has none, and stands at the first stage.
    bracket, rung, parent = starts.values_list("bracket", "rung", "parent_index").first() or (0, 0, None)
    return {"index": experiment.trial_index, "bracket": bracket or 0, "rung": rung or 0, "parent": parent}
