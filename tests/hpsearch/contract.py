"""What every search algorithm holds to. A test module subclasses `AlgorithmContract` and gives the settings."""

from __future__ import annotations

import json
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hpsearch import MemoryHistory, SearchAlgorithm, SearchSpace, Suggestion, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning
from tests.hpsearch.driving import ENDS, History, Metrics, NarrowHistory, chance, drive, measure, pool

MIXED: dict[str, Any] = {
    "flag": {"values": [True, False]},
    "depth": {"range": [1, 4, 1]},
    "kind": {"values": ["a", "b"]},
}


class AlgorithmContract(ABC):
    """Subclasses give `settings`, and say by the flags below in what their algorithm differs from most."""

    @abstractmethod
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        """An hptuning section over `matrix`."""

    #: The space that is searched; change it for algorithms that do not take every kind of parameter.
    matrix: Mapping[str, Any] = MIXED
    #: Whether another seed gives another search.
    uses_seed = True
    #: The parameter that the algorithm adds to those of the matrix.
    resource: str | None = None
    #: Whether a point may come again once all points of the space were tried.
    starts_over = False
    #: How many trials a search has whose space is one point.
    of_one_point = 1
    #: Whether runs that people added change what is suggested.
    learns_from_others = False
    #: Whether the algorithm never asks the history for every trial.
    asks_narrowly = False
    #: A search is cut off after every so many trials; more than 1 for algorithms that take their time.
    cut_every = 1
    #: Pools of how many workers, and how many orders of completion each.
    workers = (1, 3, 8)
    orders = 3

    def make(self, seed: int = 7, matrix: Mapping[str, Any] | None = None) -> SearchAlgorithm:
        return create_algorithm(self.tuning(matrix), seed=seed)

    def tuning(self, matrix: Mapping[str, Any] | None = None) -> HpTuning:
        return HpTuning.model_validate(self.settings(self.matrix if matrix is None else matrix))

    def points(self, history: History) -> dict[int, dict[str, Any]]:
        """The points of the space that were tried, by index."""
        return {
            index: {key: value for key, value in trial.params.items() if key not in {"static", self.resource}}
            for index, trial in sorted(history.items())
        }

    def whole(self, history: History) -> dict[int, Any]:
        """All that names the trials, by index."""
        return {
            index: (dict(trial.params), trial.stage, trial.parent, dict(trial.numbers))
            for index, trial in sorted(history.items())
        }

    def steps(self) -> list[int]:
        """Limits with which a search takes the same course however it is cut up."""
        return [1] if self.make().adaptive else [1, 3, 1000]

    def test_points_are_of_the_space(self) -> None:
        space = SearchSpace.from_matrix(self.tuning().matrix)
        allowed = {space.key(point) for point in space.grid()}
        found = self.points(drive(self.make()))
        assert found
        for point in found.values():
            assert list(point) == list(self.matrix)
            assert space.key(point) in allowed

    def test_every_trial_has_its_resource(self) -> None:
        for trial in drive(self.make()).values():
            assert set(trial.params) == {*self.matrix, "static", *([self.resource] if self.resource else [])}

    def test_indexes_count_from_zero(self) -> None:
        history = drive(self.make())
        assert sorted(history) == list(range(len(history)))

    def test_no_point_comes_twice_before_all_were_tried(self) -> None:
        """Trials that go on from others may have the points of these."""
        history = drive(self.make())
        space = SearchSpace.from_matrix(self.tuning().matrix)
        new = [space.key(point) for index, point in self.points(history).items() if history[index].parent is None]
        assert space.size is not None
        distinct = new[: space.size] if self.starts_over else new
        assert len(set(distinct)) == len(distinct)

    def test_the_same_seed_gives_the_same_search(self) -> None:
        assert self.whole(drive(self.make(seed=3))) == self.whole(drive(self.make(seed=3)))

    def test_another_seed_gives_another_search(self) -> None:
        same = self.points(drive(self.make(seed=1))) == self.points(drive(self.make(seed=2)))
        assert same is not self.uses_seed

    @pytest.mark.parametrize("seed", [0, -1, 2**63])
    def test_any_seed_will_do(self, seed: int) -> None:
        assert drive(self.make(seed=seed))

    def test_a_call_changes_nothing(self) -> None:
        algorithm = self.make()
        assert algorithm.suggest(MemoryHistory()) == algorithm.suggest(MemoryHistory())
        trials = list(drive(algorithm).values())[:-1]
        assert algorithm.suggest(MemoryHistory(trials)) == algorithm.suggest(MemoryHistory(trials))
        assert algorithm.suggest(MemoryHistory(trials)) == self.make().suggest(MemoryHistory(trials))

    def test_the_order_of_the_trials_does_not_matter(self) -> None:
        trials = list(drive(self.make()).values())[::2]
        shuffled = random.Random(0).sample(trials, len(trials))
        assert self.make().suggest(MemoryHistory(trials)) == self.make().suggest(MemoryHistory(shuffled))

    def test_it_goes_on_from_any_point_as_if_never_stopped(self) -> None:
        for limit in self.steps():
            whole = drive(self.make(), limit=limit)
            for count in range(0, len(whole), self.cut_every):
                kept = {index: whole[index] for index in range(count)}
                assert self.whole(drive(self.make(), kept, limit=limit)) == self.whole(whole)

    def test_lost_trials_are_suggested_again_as_they_were(self) -> None:
        limit = self.steps()[-1]
        whole = drive(self.make(), limit=limit)
        for every in (3, 5):
            kept = {index: whole[index] for index in whole if index % every != 1}
            assert self.whole(drive(self.make(), kept, limit=limit)) == self.whole(whole)

    @pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.STOPPED])
    @pytest.mark.parametrize("metrics", [{"other": 1.0}, {}])
    def test_it_ends_when_no_trial_has_a_value(self, state: TrialState, metrics: dict[str, float]) -> None:
        history = drive(self.make(), state=state, metrics=metrics)
        assert sorted(history) == list(range(len(history))) != []

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 0.0])
    def test_it_ends_whatever_the_metrics_are(self, value: float) -> None:
        history = drive(self.make(), metrics=dict.fromkeys(measure(Suggestion(0, {})), value))
        assert sorted(history) == list(range(len(history))) != []

    @pytest.mark.parametrize("seed", range(3))
    def test_it_ends_whatever_becomes_of_single_trials(self, seed: int) -> None:
        history = drive(self.make(), outcome=chance(seed))
        assert sorted(history) == list(range(len(history))) != []
        assert self.whole(drive(self.make(), outcome=chance(seed))) == self.whole(history)

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
        assert len(drive(self.make(matrix={"a": {"values": [1]}}))) == self.of_one_point

    def test_what_it_asks_for_does_not_grow_with_the_search(self) -> None:
        history = drive(self.make())
        for count in range(0, len(history) + 1, self.cut_every) if self.asks_narrowly else ():
            trials = [history[index] for index in range(count)]
            assert self.make().suggest(NarrowHistory(trials)) == self.make().suggest(MemoryHistory(trials))

    def test_runs_that_people_added_do_no_harm(self) -> None:
        added = [
            Trial(None, {}, TrialState.RUNNING),
            Trial(None, {"depth": 77, "else": [1]}, TrialState.SUCCEEDED, measure(Suggestion(0, {}))),
            Trial(None, drive(self.make())[0].params, TrialState.SUCCEEDED, measure(Suggestion(0, {}))),
            *[Trial(None, {}, TrialState.SUCCEEDED, {"loss": 0.0}, parent=index) for index in range(50)],
            Trial(None, {"depth": "text", "kind": None, "flag": math.nan}, TrialState.FAILED, {"loss": math.nan}),
        ]
        history = drive(self.make(), by_hand=added)
        assert sorted(history) == list(range(len(history))) != []
        assert self.learns_from_others or self.whole(history) == self.whole(drive(self.make()))

    @pytest.mark.parametrize("outcome", [measure, chance(0)], ids=["all-succeed", "some-fail"])
    def test_a_pool_of_workers_neither_loses_nor_doubles_a_trial(
        self, outcome: Callable[[Suggestion], Metrics]
    ) -> None:
        """Every decision is made by a new process, while trials end in any order."""
        for workers in self.workers:
            for order in range(self.orders):
                history = pool(self.make, workers, order, outcome=outcome)
                assert sorted(history) == list(range(len(history))) != []
                assert all(trial.state in ENDS for trial in history.values())
                assert all(trial.parent is None or trial.parent < index for index, trial in history.items())
                decision = self.make().suggest(MemoryHistory(history.values()))
                assert (decision.suggestions, decision.finished) == ((), True)
