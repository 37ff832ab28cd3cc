"""Optuna's genetic operators of NSGA-II, over the trials of a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import NSGAIISampler
from optuna.trial import TrialState as State
from typing_extensions import override

from hpsearch.optuna_bridge import asked, distributions, frozen, params, study
from hpsearch.seeds import seed_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial

    from hpsearch.encoding import Encoding
    from hpsearch.trial import Trial
    from polyaxon_schemas.search import Nsga2

# Samplers count generations from 0; what they do is the same for every one after it.
_BRED = 1
_ATTEMPTS = 50


class _Sampler(NSGAIISampler):
    """Breeds from given trials: which generation it is, and from whom, the search knows."""

    def __init__(self, settings: Nsga2, seed: int | None, parents: Sequence[FrozenTrial]) -> None:
        super().__init__(
            population_size=settings.population_size,
            mutation_prob=settings.mutation_prob,
            crossover_prob=settings.crossover_prob,
            swapping_prob=settings.swapping_prob,
            seed=seed,
        )
        self._given = list(parents)

    @override
    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        return _BRED

    @override
    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return self._given if generation < _BRED else []

    @override
    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        return self._given if generation == _BRED else []


def elite(encoding: Encoding, settings: Nsga2, pool: Sequence[Trial]) -> list[Trial]:
    """The ``population_size`` best trials of a pool: by rank of domination, then by crowding distance."""
    made = _frozen(encoding, settings, pool)
    sampler = _Sampler(settings, 0, made)
    chosen = sampler.select_parent(study(made, settings.metrics, sampler), _BRED)
    indexes = {trial.number for trial in chosen}
    return [trial for trial in pool if trial.index in indexes]


def children(
    encoding: Encoding, settings: Nsga2, seed: int, index: int, parents: Sequence[Trial]
) -> Iterator[dict[str, Any]]:
    """Codes of children by name, as many as it may take to find one that is not taken.

    A parameter that mutated is missing: it is to be drawn anew.
    """
    made = _frozen(encoding, settings, parents)
    sampler = _Sampler(settings, seed_of(seed, index), made)
    bred = study(made, settings.metrics, sampler)
    space = distributions(encoding)
    for _ in range(_ATTEMPTS):
        yield sampler.sample_relative(bred, asked(), space)


def _frozen(encoding: Encoding, settings: Nsga2, trials: Sequence[Trial]) -> list[FrozenTrial]:
    space = distributions(encoding)
    made = []
    for trial in trials:
        codes = encoding.codes(trial.params)
        assert codes is not None
        assert trial.index is not None
        values = [float(trial.metrics[metric.name]) for metric in settings.metrics]
        made.append(frozen(trial.index, State.COMPLETE, params(encoding, codes), space, values=values))
    return made
