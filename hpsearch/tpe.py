"""Search by a tree-structured Parzen estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.encoding import Encoding
from hpsearch.modelled import ModelSearch
from hpsearch.outcomes import Outcome, outcome
from hpsearch.seeds import seed_of
from hpsearch.trial import Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.space import SearchSpace
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

    def __init__(self, space: SearchSpace, settings: Tpe, seed: int, *, name: str | None = None) -> None:
        """``name`` tells this space from any other; under it conversions of its trials are kept between calls."""
        super().__init__(space, settings.n_experiments, seed)
        self._settings = settings
        self._encoding = Encoding(space)
        self._key = None if name is None else (name, seed, settings.metric.name)

    @property
    def _title(self) -> str:
        return f"tree-structured Parzen estimator, {self._settings.n_experiments} trials at most"

    def _propose(self, index: int, trials: Sequence[Trial], taken: set[str]) -> Suggestion | None:
        if self._observed(trials) < max(1, self._settings.n_startup_trials):
            return self._at_random(index, taken, _STARTUP)
        from hpsearch.tpe_model import candidates  # noqa: PLC0415 - Optuna is loaded when there is something to model

        for codes in candidates(self._encoding, self._settings, seed_of(self._seed, index), trials, self._key):
            point = self._encoding.point(codes)
            if self._space.key(point) not in taken:
                return Suggestion(index, point, reason=f"by what {self._observed(trials)} trials have shown")
        return self._at_random(index, taken, "drawn at random: the points that the model prefers are taken")

    def _at_random(self, index: int, taken: set[str], reason: str) -> Suggestion | None:
        point = self._free(index, taken)
        return None if point is None else Suggestion(index, point, reason=reason)

    def _observed(self, trials: Sequence[Trial]) -> int:
        metric = self._settings.metric.name
        return sum(outcome(trial, metric) in {Outcome.VALUE, Outcome.BAD} for trial in trials)


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> TpeSearch:
    """The algorithm of a section."""
    assert tuning.tpe is not None
    return TpeSearch(space, tuning.tpe, seed, name=tuning.model_dump_json(include={"matrix"}))
