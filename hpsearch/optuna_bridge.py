"""Optuna's samplers over trials that are at hand.

Optuna reads a study from a storage. Here the storage is a list that was made of the history: nothing is copied, written
or logged, and two studies of the same trials answer alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna import Study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from hpsearch.encoding import Axis, Encoding
    from polyaxon_schemas.search import Metric

_STUDY = 0
_NAME = "history"
# The trial that is asked for comes after all others.
_NEXT = 2**62


class HistoryStorage(InMemoryStorage):
    """One study, whose trials are those given."""

    def __init__(self, trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> None:
        super().__init__()
        self._given = list(trials)
        self._directions = list(directions)

    @override
    def get_study_id_from_name(self, study_name: str) -> int:
        return _STUDY

    @override
    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._directions

    @override
    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if states is None:
            return list(self._given)
        return [trial for trial in self._given if trial.state in states]

    @override
    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Samplers leave notes for other processes here; ours start from the history."""


def study(trials: Sequence[FrozenTrial], metrics: Sequence[Metric], sampler: BaseSampler) -> Study:
    """A study of these trials."""
    directions = [
        StudyDirection.MINIMIZE if metric.optimization == "minimize" else StudyDirection.MAXIMIZE for metric in metrics
    ]
    return Study(_NAME, HistoryStorage(trials, directions), sampler)


def frozen(
    number: int,
    state: TrialState,
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
    *,
    values: Sequence[float] | None = None,
    reports: Mapping[int, float] | None = None,
) -> FrozenTrial:
    """A trial as Optuna knows it; ``reports`` are the values of a trial that was stopped."""
    return FrozenTrial(
        number=number,
        state=state,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values=dict(reports or {}),
        trial_id=number,
    )


def asked() -> FrozenTrial:
    """The trial that a suggestion is for."""
    return frozen(_NEXT, TrialState.RUNNING, {}, {})


def distributions(encoding: Encoding) -> dict[str, BaseDistribution]:
    """Distributions of the codes of the parameters that have more than one value."""
    return {name: _distribution(axis) for name, axis in encoding.axes.items() if not axis.is_constant}


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.count is None:
        return FloatDistribution(0.0, 1.0)
    if axis.is_ordered:
        return IntDistribution(0, axis.count - 1)
    return CategoricalDistribution(range(axis.count))


def params(encoding: Encoding, codes: Sequence[float]) -> dict[str, Any]:
    """Codes as values of the distributions."""
    named = zip(encoding.axes.items(), codes, strict=True)
    return {
        name: float(code) if axis.count is None else round(code) for (name, axis), code in named if not axis.is_constant
    }
