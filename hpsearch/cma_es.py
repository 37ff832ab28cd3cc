"""Search by the covariance matrix adaptation evolution strategy."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from hpsearch.encoding import Encoding
from hpsearch.errors import SearchError
from hpsearch.modelled import ModelSearch, by_origin
from hpsearch.outcomes import Outcome, loss, outcome
from hpsearch.trial import Stage, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.cma_state import CmaState
    from hpsearch.space import SearchSpace
    from hpsearch.taken import Taken
    from hpsearch.trial import Trial
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.search import CmaEs

_ATTEMPTS = 20


class CmaSearch(ModelSearch):
    """Generations drawn from a normal distribution that moves towards, and takes the shape of, what is good.

    Hansen (2016), "The CMA evolution strategy: a tutorial"; parameters with levels by Hamano et al. (2022), "CMA-ES
    with margin". The distribution is worked out again from the trials: the first suggestion of a generation has in
    its numbers which trials of the generation before were told (``told``: index and loss, None for a bad one), and
    every suggestion the place that it was drawn at (``x``). A generation goes on until enough of its trials are done;
    more of them than that, or later ones, are not told. Runs that people added are not told either.

    Raises SearchError when a parameter has values that are no numbers.
    """

    def __init__(self, space: SearchSpace, settings: CmaEs, seed: int) -> None:
        super().__init__(space, settings.n_experiments, seed)
        self._settings = settings
        self._encoding = Encoding(space)
        _check_numeric(self._encoding)

    @property
    def _title(self) -> str:
        return f"CMA-ES, {self._settings.n_experiments} trials at most"

    def _propose(self, index: int, trials: Sequence[Trial], taken: Taken) -> Suggestion | None:
        if all(axis.is_constant for axis in self._encoding.axes.values()):
            point = self._free(index, taken)
            return None if point is None else Suggestion(index, point, reason="the only point")
        suggested, _ = by_origin(trials)
        generation = suggested[-1].stage.rung if suggested else 0
        state = self._state(generation, suggested)
        told = self._told(generation, suggested, state.population_size)
        numbers: dict[str, Any] = {}
        if told is not None:
            state = state.after([(_place(suggested, at), value) for at, value in told])
            generation += 1
            numbers = {"told": [[at, value] for at, value in told], "state": state.digest}
        return self._drawn(index, Stage(0, generation), state, numbers, taken)

    def _told(
        self, generation: int, suggested: Sequence[Trial], population: int
    ) -> list[tuple[int, float | None]] | None:
        """Index and loss of the trials that end a generation; None while there are too few."""
        metric = self._settings.metric
        done = [trial for trial in _members(generation, suggested) if trial.state.is_done][:population]
        if len(done) < population:
            return None
        known = [outcome(trial, metric.name) == Outcome.VALUE for trial in done]
        return [
            (trial.index or 0, loss(trial, metric) if has else None) for trial, has in zip(done, known, strict=True)
        ]

    def _state(self, generation: int, suggested: Sequence[Trial]) -> CmaState:
        """The distribution that a generation is drawn from: remembered, or told again from the first generation on."""
        from hpsearch.cma_state import initial, remembered  # noqa: PLC0415 - numpy's algebra is loaded when needed

        for trial in _members(generation, suggested):
            known = remembered(trial.numbers.get("state"))
            if known is not None:
                return known
        opened = {trial.stage.rung: trial.numbers for trial in suggested if "told" in trial.numbers}
        state = initial(self._encoding, self._settings, self._seed)
        for rung in range(1, generation + 1):
            told = opened[rung]["told"] if rung in opened else self._told(rung - 1, suggested, state.population_size)
            if told is not None:
                state = state.after([(_place(suggested, at), value) for at, value in told])
        return state

    def _drawn(
        self, index: int, stage: Stage, state: CmaState, numbers: dict[str, Any], taken: Taken
    ) -> Suggestion | None:
        reason = f"generation {stage.rung}"
        for place in state.places(index, _ATTEMPTS):
            point = self._encoding.point(state.codes(place))
            if point not in taken:
                return Suggestion(index, point, stage, reason=reason, numbers={"x": place, **numbers})
        free = self._free(index, taken)
        if free is None:
            return None
        reason = f"generation {stage.rung}, drawn at random: the points that the strategy prefers are taken"
        place = state.place(self._encoding.codes(free) or ())
        return Suggestion(index, free, stage, reason=reason, numbers={"x": place, **numbers})


def _members(generation: int, suggested: Sequence[Trial]) -> list[Trial]:
    """The trials of a generation, by index. A later trial is never of an earlier generation."""
    first = bisect_left(suggested, generation, key=lambda trial: trial.stage.rung)
    last = bisect_right(suggested, generation, key=lambda trial: trial.stage.rung)
    return list(suggested[first:last])


def _place(suggested: Sequence[Trial], index: int) -> list[float]:
    """Where a trial was drawn; empty if it is there no more."""
    at = bisect_left(suggested, index, key=lambda trial: trial.index or 0)
    found = suggested[at] if at < len(suggested) else None
    return list(found.numbers.get("x", ())) if found is not None and found.index == index else []


def _check_numeric(encoding: Encoding) -> None:
    names = [name for name, axis in encoding.axes.items() if not axis.is_ordered and not axis.is_constant]
    if names:
        raise SearchError(
            f"cma_es needs numbers, but {', '.join(names)} can be something else; use tpe or bo, or a group per value"
        )


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> CmaSearch:
    """The algorithm of a section."""
    assert tuning.cma_es is not None
    return CmaSearch(space, tuning.cma_es, seed)
