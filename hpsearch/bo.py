"""Bayesian optimisation with a Gaussian process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.encoding import Encoding
from hpsearch.modelled import ModelSearch
from hpsearch.outcomes import Outcome, loss, outcome
from hpsearch.quasi import QuasiRandom
from hpsearch.trial import Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.bo_model import Model
    from hpsearch.space import SearchSpace
    from hpsearch.taken import Taken
    from hpsearch.trial import Trial
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.search import BayesianOptimization


# A space of so few points is looked through whole for the best one.
_WHOLE = 2000


class BayesianSearch(ModelSearch):
    """Quasi-random points first, then those of the highest acquisition under a Gaussian process.

    Snoek, Larochelle and Adams (2012), "Practical Bayesian optimization of machine learning algorithms", with
    trials under way counted as if they turned out as predicted, so that any number can run at a time. Points that
    failed count as the worst value seen (floor padding, Wakabayashi et al. 2022), so that they are kept away from.
    """

    def __init__(self, space: SearchSpace, settings: BayesianOptimization, seed: int) -> None:
        super().__init__(space, settings.n_initial_trials + settings.n_iterations, seed)
        self._settings = settings
        self._encoding = Encoding(space)
        self._quasi = QuasiRandom(self._encoding, seed)
        self._model: tuple[Any, Model] | None = None

    @property
    def _title(self) -> str:
        settings = self._settings
        return f"Bayesian optimisation: {settings.n_initial_trials} points to begin with, {settings.n_iterations} more"

    def _propose(self, index: int, trials: Sequence[Trial], taken: Taken) -> Suggestion | None:
        observed = self._observed(trials)
        first = index < self._settings.n_initial_trials
        if first or not observed:
            point = self._spread(index, taken)
            reason = "initial point" if first else "no trial has a value yet, so a point as at the beginning"
            return None if point is None else Suggestion(index, point, reason=reason)
        return self._modelled(index, trials, observed, taken)

    def _observed(self, trials: Sequence[Trial]) -> list[tuple[tuple[float, ...], float | None]]:
        """Codes and loss of the trials that are evidence; None for those whose point is to be avoided."""
        metric = self._settings.metric
        found: list[tuple[tuple[float, ...], float | None]] = []
        for trial in trials:
            known = outcome(trial, metric.name)
            codes = self._encoding.codes(trial.params) if known in {Outcome.VALUE, Outcome.BAD} else None
            if codes is not None:
                found.append((codes, loss(trial, metric) if known == Outcome.VALUE else None))
        return found if any(value is not None for _, value in found) else []

    def _spread(self, index: int, taken: Taken) -> dict[str, Any] | None:
        point = self._quasi.point(index)
        return point if point not in taken else self._free(index, taken)

    def _modelled(
        self,
        index: int,
        trials: Sequence[Trial],
        observed: list[tuple[tuple[float, ...], float | None]],
        taken: Taken,
    ) -> Suggestion | None:
        from hpsearch.bo_model import Model  # noqa: PLC0415 - scikit-learn is loaded when there is something to model

        # Trials of one call differ in those that wait, for which nothing is fitted anew.
        if self._model is None or self._model[0] != observed:
            self._model = (observed, Model(self._encoding, self._settings.utility_function, observed, self._seed))
        metric = self._settings.metric.name
        waiting = [
            codes
            for trial in trials
            if outcome(trial, metric) == Outcome.WAITING and (codes := self._encoding.codes(trial.params)) is not None
        ]
        model = self._model[1]
        for codes in model.ranked(waiting, self._free_codes(taken), index):
            point = self._encoding.point(codes)
            if point not in taken:
                return Suggestion(index, point, reason=model.reason(len(waiting)), numbers=model.numbers(codes))
        free = self._free(index, taken)
        return None if free is None else Suggestion(index, free, reason="every point that was considered is taken")

    def _free_codes(self, taken: Taken) -> list[tuple[float, ...]] | None:
        """The points that are left of a space that can be looked through whole."""
        if (self._space.size or _WHOLE + 1) > _WHOLE:
            return None
        left = [self._encoding.codes(point) for point in self._space.grid() if point not in taken]
        return [codes for codes in left if codes is not None]


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> BayesianSearch:
    """The algorithm of a section."""
    assert tuning.bo is not None
    return BayesianSearch(space, tuning.bo, seed)
