"""Asynchronous successive halving."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hpsearch import Decision, MemoryHistory, SearchError, Stage, Strategy, Trial, TrialState, create_algorithm
from hpsearch.asha import ladder
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.search import Asha
from tests.hpsearch.contract import AlgorithmContract
from tests.hpsearch.driving import chance, drive, pool, trial

LR: dict[str, Any] = {"lr": {"uniform": "0:1"}}
LOSS = {"name": "loss", "optimization": "minimize"}


def section(n: int = 9, max_iter: int = 9, **more: Any) -> dict[str, Any]:
    resource = {"name": "epochs", "type": more.pop("kind", "int")}
    return {"n_experiments": n, "max_iter": max_iter, "resource": resource, "metric": LOSS, **more}


def tuning(**given: Any) -> HpTuning:
    return HpTuning.model_validate({"matrix": LR, "asha": section(**given)})


class TestAsha(AlgorithmContract):
    resource = "epochs"
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "asha": section(10, 9, eta=3)}


class TestResumingAshaOfAWholeSpace(TestAsha):
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "asha": section(500, 16, eta=2, min_iter=2, kind="float", resume=True)}


class TestAshaOfOneRung(TestAsha):
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "asha": section(5, 4, min_iter=4)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_iter": 81}, [1, 3, 9, 27, 81]),
        ({"max_iter": 100}, [1, 3, 9, 27, 81]),
        ({"max_iter": 243}, [1, 3, 9, 27, 81, 243]),
        ({"max_iter": 1000, "eta": 10}, [1, 10, 100, 1000]),
        ({"max_iter": 100, "min_iter": 4, "eta": 5}, [4, 20, 100]),
        ({"max_iter": 10, "eta": 1.5}, [1, 2, 3, 5, 8]),
        ({"max_iter": 5, "min_iter": 5}, [5]),
        ({"max_iter": 10, "eta": math.sqrt(10), "kind": "float"}, [1.0, pytest.approx(10**0.5), 10.0]),
    ],
)
def test_the_resources_of_the_rungs(given: dict[str, Any], expected: list[float]) -> None:
    found = ladder(Asha.model_validate(section(**given)))
    assert found == expected
    assert {type(value) for value in found} == {float if "kind" in given else int}


def test_an_eta_near_one_is_refused() -> None:
    with pytest.raises(SearchError, match="choose a larger one"):
        create_algorithm(tuning(eta=1.0001), seed=0)


def decide(values: Sequence[float | None], *, limit: int = 100, **given: Any) -> Decision:
    """What follows when the first configurations have these values; None is a trial that still runs."""
    algorithm = create_algorithm(tuning(**given), seed=1)
    first = algorithm.suggest(MemoryHistory(), limit=len(values)).suggestions
    trials = [
        trial(each, TrialState.RUNNING if value is None else TrialState.SUCCEEDED, {"loss": value or 0.0})
        for each, value in zip(first, values, strict=True)
    ]
    return algorithm.suggest(MemoryHistory(trials), limit=limit)


def parents(decision: Decision) -> list[int | None]:
    return [each.parent for each in decision.suggestions]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 2.0], []),
        ([3.0, 2.0, 4.0], [1]),
        ([3.0, 2.0, None, None, 4.0], [1]),
        ([3.0, 2.0, 4.0, 1.0, 9.0, 9.0], [3, 1]),
        ([2.0, 2.0, 2.0], [0]),
        ([math.nan, math.inf, 9.0], [2]),
        ([math.nan, math.nan, math.nan], []),
    ],
)
def test_a_trial_is_promoted_as_soon_as_it_is_among_the_best(values: list[float | None], expected: list[int]) -> None:
    decision = decide(values)
    found = parents(decision)
    assert found == [*expected, *[None] * (9 - len(values))]
    assert [each.index for each in decision.suggestions] == list(range(len(values), len(values) + len(found)))
    assert not decision.finished


def test_promotions_come_before_new_configurations() -> None:
    assert parents(decide([3.0, 2.0, 1.0], limit=1)) == [2]
    assert parents(decide([3.0, 2.0, None], limit=1)) == [None]


@pytest.mark.parametrize(("resume", "strategy"), [(True, Strategy.RESUME), (False, Strategy.RESTART)])
def test_a_promotion_has_more_resource_and_says_why(resume: bool, strategy: Strategy) -> None:
    decision = decide([3.0, 2.0, 4.0], resume=resume)
    found, new = decision.suggestions[0], decision.suggestions[1]
    assert (found.stage, found.parent, found.strategy) == (Stage(0, 1), 1, strategy)
    assert (found.params["epochs"], new.params["epochs"]) == (3, 1)
    assert found.reason == "asha rung 1, epochs = 3: trial 1 is 1 of 3 with loss = 2.0, 1 go on"
    assert found.numbers == {"rank": 1, "value": 2.0, "kept": 1, "of": 3, "resource": 3}
    assert (new.stage, new.parent, new.strategy, new.numbers["configuration"]) == (Stage(0, 0), None, None, 3)


def test_the_highest_rung_comes_first() -> None:
    algorithm = create_algorithm(tuning(n=20, max_iter=27), seed=1)
    history: dict[int, Trial] = {}
    order: list[int] = []
    for _ in range(20):
        made = algorithm.suggest(MemoryHistory(history.values()), limit=1).suggestions[0]
        order.append(made.stage.rung)
        history[made.index] = trial(made, TrialState.SUCCEEDED, {"loss": float(made.index)})
    assert order[:8] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert order[8:14] == [0, 0, 0, 1, 2, 0]


def test_it_is_not_finished_while_a_promotion_may_come() -> None:
    waiting = decide([1.0] * 2 + [None], n=3)
    assert (waiting.suggestions, waiting.finished) == ((), False)
    assert "waits for 1 trials" in waiting.reason
    last = decide([1.0, 2.0, 3.0], n=3, max_iter=3)
    assert parents(last) == [0]
    assert last.finished  # only the top rung is under way


def test_failures_leave_no_room_for_more_promotions() -> None:
    algorithm = create_algorithm(tuning(n=6), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    states = [TrialState.FAILED] * 5 + [TrialState.SUCCEEDED]
    trials = [trial(each, state, {"loss": float(each.index)}) for each, state in zip(first, states, strict=True)]
    assert parents(algorithm.suggest(MemoryHistory(trials))) == [5]


def test_rungs_shrink_by_eta() -> None:
    history = drive(create_algorithm(tuning(n=81, max_iter=81), seed=1))
    assert Counter(each.stage.rung for each in history.values()) == {0: 81, 1: 27, 2: 9, 3: 3, 4: 1}


@pytest.mark.parametrize("order", range(5))
def test_no_trial_is_promoted_twice(order: int) -> None:
    made = tuning(n=40, max_iter=27)
    history = pool(lambda: create_algorithm(made, seed=1), 6, order, outcome=chance(order))
    promoted = [each.parent for each in history.values() if each.parent is not None]
    assert promoted
    assert len(set(promoted)) == len(promoted)
    for each in history.values():
        if each.parent is not None:
            assert history[each.parent].stage.rung == each.stage.rung - 1
            assert history[each.parent].params["lr"] == each.params["lr"]
    numbers = [each.numbers["configuration"] for each in history.values() if each.parent is None]
    assert sorted(numbers) == list(range(40))


@pytest.mark.parametrize("order", range(5))
def test_lost_trials_of_a_pool_are_made_up_for(order: int) -> None:
    """Whatever the order was in, every configuration comes once, and nobody is promoted twice."""
    made = tuning(n=30, max_iter=9)
    history = pool(lambda: create_algorithm(made, seed=1), 5, order)
    kept = {index: each for index, each in history.items() if index % 4 != order % 4 or each.parent in (None, 0)}
    orphans = {index for index, each in kept.items() if each.parent is not None and each.parent not in kept}
    kept = {index: each for index, each in kept.items() if index not in orphans}
    again = drive(create_algorithm(made, seed=1), kept)
    assert sorted(again) == list(range(len(again)))
    numbers = [each.numbers["configuration"] for each in again.values() if each.parent is None]
    assert sorted(numbers) == list(range(30))
    promoted = [each.parent for each in again.values() if each.parent is not None]
    assert len(set(promoted)) == len(promoted)
