"""Which trials of a stage are the best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hpsearch.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hpsearch.history import Score
    from polyaxon_schemas.search import Metric


def ranked(scores: Iterable[Score], metric: Metric) -> list[Score]:
    """The best first, of equal ones that with the lower index.

    Those that are not done, have failed, or have no finite value are left out; a stopped trial counts with what it
    has reported.
    """
    sign = -1.0 if metric.optimization == "maximize" else 1.0
    valued = [
        (sign * score.value, score.index, score) for score in scores if _counts(score) and score.value is not None
    ]
    return [score for _, _, score in sorted(valued, key=lambda item: item[:2])]


def _counts(score: Score) -> bool:
    usable = score.value is not None and math.isfinite(score.value)
    return usable and score.state in {TrialState.SUCCEEDED, TrialState.STOPPED}


def unfinished(scores: Sequence[Score]) -> int:
    """How many are not done."""
    return sum(not score.state.is_done for score in scores)
