"""What every search algorithm holds to. A test module subclasses `AlgorithmContract` and gives the settings."""

from __future__ import annotations

import json
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import pytest

from hpsearch import MemoryHistory, SearchAlgorithm, SearchSpace, Suggestion, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning

MIXED: dict[str, Any] = {
    "flag": {"values": [True, False]},
    "depth": {"range": [1, 4, 1]},
    "kind": {"values": ["a", "b"]},
}
# More calls than any search of these tests needs; a search that goes on is one that never ends.
MOST_CALLS = 500

History = dict[int, Trial]


def trial(suggestion: Suggestion, state: TrialState, metrics: Mapping[str, float]) -> Trial:
    """A trial as the platform keeps it: its params went through JSON and hold other params, too."""
    params = {"static": 1, **json.loads(json.dumps(suggestion.params))}
    return Trial(
        suggestion.index,
        params,
        state,
        metrics,
        stage=suggestion.stage,
        parent=suggestion.parent,
        numbers=json.loads(json.dumps(suggestion.numbers)),
    )


def drive(
    algorithm: SearchAlgorithm,
    history: History | None = None,
    *,
    state: TrialState = TrialState.SUCCEEDED,
    metrics: Mapping[str, float] | None = None,
    limit: int = 1000,
) -> History:
    """Run a search to its end; every suggestion becomes a trial in `state`."""
    history = dict(history or {})
    for _ in range(MOST_CALLS):
        decision = algorithm.suggest(MemoryHistory(history.values()), limit=limit)
        assert len(decision.suggestions) <= limit
        assert not {suggestion.index for suggestion in decision.suggestions} & history.keys()
        for suggestion in decision.suggestions:
            history[suggestion.index] = trial(suggestion, state, metrics or {"loss": 1 / (1 + suggestion.index)})
        if decision.finished:
            return history
    raise AssertionError("the search does not end")


def points(history: History) -> dict[int, dict[str, Any]]:
    return {index: {k: v for k, v in t.params.items() if k != "static"} for index, t in sorted(history.items())}


class AlgorithmContract(ABC):
    @abstractmethod
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        """An hptuning section over `matrix`."""

    #: Whether another seed gives another search.
    uses_seed = True

    def make(self, seed: int = 7, matrix: Mapping[str, Any] = MIXED) -> SearchAlgorithm:
        return create_algorithm(self.tuning(matrix), seed=seed)

    def tuning(self, matrix: Mapping[str, Any] = MIXED) -> HpTuning:
        return HpTuning.model_validate(self.settings(matrix))

    def test_points_are_of_the_space(self) -> None:
        space = SearchSpace.from_matrix(self.tuning().matrix)
        allowed = {space.key(point) for point in space.grid()}
        found = points(drive(self.make()))
        assert found
        for point in found.values():
            assert list(point) == list(MIXED)
            assert space.key(point) in allowed

    def test_indexes_count_from_zero(self) -> None:
        history = drive(self.make())
        assert sorted(history) == list(range(len(history)))

    def test_no_point_comes_twice(self) -> None:
        found = [json.dumps(point, sort_keys=True) for point in points(drive(self.make())).values()]
        assert len(set(found)) == len(found)

    def test_the_same_seed_gives_the_same_search(self) -> None:
        assert points(drive(self.make(seed=3))) == points(drive(self.make(seed=3)))

    def test_another_seed_gives_another_search(self) -> None:
        same = points(drive(self.make(seed=1))) == points(drive(self.make(seed=2)))
        assert same is not self.uses_seed

    @pytest.mark.parametrize("seed", [0, -1, 2**63])
    def test_any_seed_will_do(self, seed: int) -> None:
        assert drive(self.make(seed=seed))

    def test_a_call_changes_nothing(self) -> None:
        algorithm = self.make()
        assert algorithm.suggest(MemoryHistory()) == algorithm.suggest(MemoryHistory())

    def test_the_order_of_the_trials_does_not_matter(self) -> None:
        trials = list(drive(self.make()).values())[::2]
        shuffled = random.Random(0).sample(trials, len(trials))
        assert self.make().suggest(MemoryHistory(trials)) == self.make().suggest(MemoryHistory(shuffled))

    @pytest.mark.parametrize("limit", [1, 3, 1000])
    def test_it_goes_on_from_any_point_as_if_never_stopped(self, limit: int) -> None:
        whole = drive(self.make(), limit=limit)
        for count in range(0, len(whole), 3):
            kept = {index: whole[index] for index in range(count)}
            assert points(drive(self.make(), kept, limit=limit)) == points(whole)

    def test_lost_trials_are_suggested_again_as_they_were(self) -> None:
        whole = drive(self.make())
        lost = {index for index in whole if index % 3 == 1}
        kept = {index: whole[index] for index in whole if index not in lost}
        assert points(drive(self.make(), kept)) == points(whole)

    @pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.STOPPED])
    def test_it_ends_when_every_trial_fails(self, state: TrialState) -> None:
        assert drive(self.make(), state=state, metrics={"other": 1.0})

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_it_ends_whatever_the_metrics_are(self, value: float) -> None:
        assert drive(self.make(), metrics={"loss": value})

    def test_finished_means_that_nothing_follows(self) -> None:
        history = drive(self.make())
        decision = self.make().suggest(MemoryHistory(history.values()))
        assert decision.suggestions == ()
        assert decision.finished
        assert decision.reason

    def test_suggestions_are_plain_json(self) -> None:
        for suggestion in self.make().suggest(MemoryHistory()).suggestions:
            assert json.loads(json.dumps(suggestion.params, allow_nan=False)) == suggestion.params
            assert {type(value) for value in suggestion.params.values()} <= {bool, int, float, str}

    def test_the_plan_is_kept(self) -> None:
        planned = self.make().planned
        assert planned is None or len(drive(self.make())) == planned

    def test_one_single_point_is_a_search_too(self) -> None:
        assert len(drive(self.make(matrix={"a": {"values": [1]}}))) == 1
