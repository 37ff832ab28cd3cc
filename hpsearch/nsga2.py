"""Search for several metrics at once by a genetic algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.encoding import Encoding
from hpsearch.modelled import ModelSearch, by_origin
from hpsearch.outcomes import Outcome, outcome
from hpsearch.seeds import generator
from hpsearch.trial import Stage, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.space import SearchSpace
    from hpsearch.taken import Taken
    from hpsearch.trial import Trial
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.search import Nsga2


class Nsga2Search(ModelSearch):
    """Generations of ``population_size`` trials, each bred from the best of all before it, by Optuna's sampler.

    Deb et al. (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II". A generation goes on until that
    many of its trials have every metric; trials that fail, or are without one, are not bred from. Which trials a
    generation was bred from is in the numbers of its first suggestion, so trials that end later change nothing.
    """

    def __init__(self, space: SearchSpace, settings: Nsga2, seed: int) -> None:
        super().__init__(space, settings.n_experiments, seed)
        self._settings = settings
        self._encoding = Encoding(space)

    @property
    def _title(self) -> str:
        names = ", ".join(metric.name for metric in self._settings.metrics)
        return f"NSGA-II for {names} in generations of {self._settings.population_size}"

    def _propose(self, index: int, trials: Sequence[Trial], taken: Taken) -> Suggestion | None:
        suggested, _ = by_origin(trials)
        present = max((trial.stage.rung for trial in suggested), default=0)
        complete = [trial for trial in suggested if self._is_complete(trial)]
        full = sum(trial.stage.rung == present for trial in complete) >= self._settings.population_size
        generation = present + full
        if generation == 0:
            return self._at_random(index, taken)
        parents = self._parents(generation, suggested, complete)
        return self._child(index, generation, parents, taken, opens=full)

    def _is_complete(self, trial: Trial) -> bool:
        metrics = self._settings.metrics
        known = all(outcome(trial, metric.name) == Outcome.VALUE for metric in metrics)
        return known and self._encoding.codes(trial.params) is not None

    def _at_random(self, index: int, taken: Taken) -> Suggestion | None:
        point = self._free(index, taken)
        return None if point is None else Suggestion(index, point, reason="generation 0: drawn at random")

    def _parents(self, generation: int, suggested: Sequence[Trial], complete: Sequence[Trial]) -> list[Trial]:
        """The trials that a generation is bred from, as its first suggestion says; else the best of those before."""
        for trial in suggested:
            if trial.stage.rung == generation and "parents" in trial.numbers:
                chosen = set(trial.numbers["parents"])
                return [each for each in complete if each.index in chosen]
        from hpsearch.nsga2_model import elite  # noqa: PLC0415 - Optuna is loaded when it is needed

        before = self._parents(generation - 1, suggested, complete) if generation > 1 else []
        last = [trial for trial in complete if trial.stage.rung == generation - 1]
        together = {trial.index: trial for trial in [*before, *last]}
        pool = [trial for _, trial in sorted(together.items(), key=lambda pair: pair[0] or 0)]
        return elite(self._encoding, self._settings, pool)

    def _child(
        self, index: int, generation: int, parents: Sequence[Trial], taken: Taken, *, opens: bool
    ) -> Suggestion | None:
        from hpsearch.nsga2_model import children  # noqa: PLC0415 - Optuna is loaded when it is needed

        numbers: dict[str, Any] = {"parents": [trial.index for trial in parents]} if opens else {}
        reason = f"generation {generation}, bred from {len(parents)} trials"
        rng = generator(self._seed, index)
        for codes in children(self._encoding, self._settings, self._seed, index, parents):
            point = self._encoding.point([codes.get(name, 0) for name in self._encoding.axes])
            for name, axis in self._encoding.axes.items():
                if name not in codes and not axis.is_constant:  # a mutation
                    point[name] = self._space.dimensions[name].sample(rng)
            if point not in taken:
                return Suggestion(index, point, Stage(0, generation), reason=reason, numbers=numbers)
        free = self._free(index, taken)
        reason = f"generation {generation}, drawn at random: the children that were bred are taken"
        return None if free is None else Suggestion(index, free, Stage(0, generation), reason=reason, numbers=numbers)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> Nsga2Search:
    """The algorithm of a section."""
    assert tuning.nsga2 is not None
    return Nsga2Search(space, tuning.nsga2, seed)
