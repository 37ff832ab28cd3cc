"""Optuna's evaluator of importances, over the trials of a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.importance import FanovaImportanceEvaluator
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from hpsearch.optuna_bridge import distributions, frozen, params, study
from hpsearch.threads import single_threaded
from polyaxon_schemas.search import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.encoding import Encoding

_LOSS = Metric(name="loss", optimization="minimize")
# What more trials or trees tell is not worth the time, which grows with the square of the trials.
_MOST_TRIALS, _TREES = 200, 32


def shares(encoding: Encoding, known: Sequence[tuple[tuple[float, ...], float]]) -> dict[str, float]:
    """The importance of every parameter, from codes and losses."""
    space = distributions(encoding)
    found = dict.fromkeys(encoding.axes, 0.0)
    if not space:
        return found
    places = np.linspace(0, len(known) - 1, min(len(known), _MOST_TRIALS)).round().astype(int)
    known = [known[place] for place in places]
    values = _scaled([value for _, value in known])
    trials = [
        frozen(number, TrialState.COMPLETE, params(encoding, codes), space, values=[value])
        for number, ((codes, _), value) in enumerate(zip(known, values, strict=True))
    ]
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=0)
    with single_threaded():
        made = evaluator.evaluate(study(trials, [_LOSS], RandomSampler(seed=0)))
    return {**found, **{name: float(share) for name, share in made.items()}}


def _scaled(losses: Sequence[float]) -> list[float]:
    """Losses of at most 1, whose squares are floats whatever they were."""
    values = np.array(losses)
    return [float(value) for value in values / (np.max(np.abs(values)) or 1.0)]
