"""Optuna's sampler of the tree-structured Parzen estimator, over the trials of a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.samplers import TPESampler
from optuna.trial import TrialState as State
from typing_extensions import override

from hpsearch.caching import Recent
from hpsearch.optuna_bridge import asked, distributions, frozen, params, study
from hpsearch.outcomes import Outcome, outcome
from hpsearch.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from hpsearch.encoding import Encoding
    from hpsearch.trial import Trial
    from polyaxon_schemas.search import Tpe

_SEARCHES = 16
_ATTEMPTS = 6
# Trials that people added come after all that were suggested.
_ADDED = 2**40


@dataclass(frozen=True, slots=True)
class _Kept:
    """A trial as Optuna knows it, and what that was made of."""

    trial: Trial
    params: Mapping[str, Any]
    state: str
    value: float | None
    made: FrozenTrial | None

    def is_of(self, trial: Trial, metric: str) -> bool:
        """Whether the trial is as it was then. Mostly it is the very same."""
        if trial is self.trial:
            return True
        same = (self.state, self.value) == (trial.state, trial.metrics.get(metric))
        return same and self.params == trial.params


_conversions: Recent[dict[int, _Kept]] = Recent(_SEARCHES)


class _Sampler(TPESampler):
    """All parameters are known beforehand, so that they need not be gathered from the trials."""

    def __init__(self, settings: Tpe, seed: int, space: dict[str, BaseDistribution]) -> None:
        super().__init__(
            n_startup_trials=0,
            n_ei_candidates=settings.n_ei_candidates,
            multivariate=settings.multivariate,
            seed=seed,
            constant_liar=True,
        )
        self._whole = space if settings.multivariate else {}

    @override
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._whole


class TpeModel:
    """What the trials of a search say. What was made of them is kept under ``key``, which names the search."""

    def __init__(self, encoding: Encoding, settings: Tpe, trials: Sequence[Trial], key: Hashable) -> None:
        self._encoding = encoding
        self._settings = settings
        self._space = distributions(encoding)
        kept = _conversions.made(key, dict)
        self._trials = _converted(encoding, settings.metric.name, trials, self._space, kept)
        #: How many trials tell good points from bad ones.
        self.observed = sum(trial.state != State.RUNNING for trial in self._trials)

    def candidates(self, seed: int) -> Iterator[list[float]]:
        """Codes of points, as many as it may take to find one that is not taken."""
        space = self._space
        sampler = _Sampler(self._settings, seed, space)
        made = study(self._trials, [self._settings.metric], sampler)
        for _ in range(_ATTEMPTS):
            chosen = sampler.sample_relative(made, asked(), sampler.infer_relative_search_space(made, asked()))
            for name in space:
                if name not in chosen:
                    chosen[name] = sampler.sample_independent(made, asked(), name, space[name])
            yield [float(chosen.get(name, 0)) for name in self._encoding.axes]


def _converted(
    encoding: Encoding,
    metric: str,
    trials: Sequence[Trial],
    space: dict[str, BaseDistribution],
    kept: dict[int, _Kept],
) -> list[FrozenTrial]:
    """The trials as Optuna knows them. Those that are the same as at the last call are not made again."""
    found = []
    for place, trial in enumerate(trials):
        number = _ADDED + place if trial.index is None else trial.index
        known = kept.get(number)
        if known is None or not known.is_of(trial, metric):
            made = _frozen(encoding, number, trial, metric, space)
            known = kept[number] = _Kept(trial, dict(trial.params), trial.state, trial.metrics.get(metric), made)
        if known.made is not None:
            found.append(known.made)
    return found


def _frozen(
    encoding: Encoding, number: int, trial: Trial, metric: str, space: dict[str, BaseDistribution]
) -> FrozenTrial | None:
    known = outcome(trial, metric)
    codes = None if known == Outcome.UNKNOWN else encoding.codes(trial.params)
    if codes is None:
        return None
    values = params(encoding, codes)
    if known == Outcome.WAITING:
        return frozen(number, State.RUNNING, values, space)
    # Optuna ranks trials that were stopped behind the others, and those of them without a value behind these.
    if known == Outcome.BAD:
        return frozen(number, State.PRUNED, values, space)
    value = float(trial.metrics[metric])
    if trial.state == TrialState.STOPPED:
        return frozen(number, State.PRUNED, values, space, reports={0: value})
    return frozen(number, State.COMPLETE, values, space, values=[value])
