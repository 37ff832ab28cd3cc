"""Search by a tree-structured Parzen estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.encoding import Encoding
from hpsearch.modelled import ModelSearch
from hpsearch.seeds import seed_of
from hpsearch.trial import Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.space import SearchSpace
    from hpsearch.taken import Taken
    from hpsearch.trial import Trial
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.search import Tpe

_STARTUP = "one of the first points, drawn at random"


class TpeSearch(ModelSearch):
    """Points where the density of good trials is high beside that of the others, by Optuna's sampler.

    Bergstra et al. (2011), "Algorithms for hyper-parameter optimization". Trials under way count among the others
    (constant liar), so that any number can run at a time; so do those that failed. Trials that were stopped are
    ranked behind those that came to their end.
    """

    def __init__(self, space: SearchSpace, settings: Tpe, seed: int) -> None:
        super().__init__(space, settings.n_experiments, seed)
        self._settings = settings
        self._encoding = Encoding(space)
        self._key = (space, seed, settings.metric.name)

    @property
    def _title(self) -> str:
        return f"tree-structured Parzen estimator, {self._settings.n_experiments} trials at most"

    def _propose(self, index: int, trials: Sequence[Trial], taken: Taken) -> Suggestion | None:
        settings = self._settings
        if len(trials) < max(1, settings.n_startup_trials):
            return self._at_random(index, taken, _STARTUP)
        from hpsearch.tpe_model import TpeModel  # noqa: PLC0415 - Optuna is loaded when there is something to model

        model = TpeModel(self._encoding, settings, trials, self._key)
        if model.observed < max(1, settings.n_startup_trials):
            return self._at_random(index, taken, _STARTUP)
        for codes in model.candidates(seed_of(self._seed, index)):
            point = self._encoding.point(codes)
            if point not in taken:
                return Suggestion(index, point, reason=f"by what {model.observed} trials have shown")
        return self._at_random(index, taken, "drawn at random: the points that the model prefers are taken")

    def _at_random(self, index: int, taken: Taken, reason: str) -> Suggestion | None:
        point = self._free(index, taken)
        return None if point is None else Suggestion(index, point, reason=reason)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> TpeSearch:
    """The algorithm of a section."""
    assert tuning.tpe is not None
    return TpeSearch(space, tuning.tpe, seed)
