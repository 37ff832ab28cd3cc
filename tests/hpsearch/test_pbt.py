"""Population-based training."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import Decision, MemoryHistory, SearchSpace, Stage, Strategy, TrialState, create_algorithm
from hpsearch.dimensions import Dimension, dimension
from hpsearch.exploring import explored
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.matrix import MatrixParam
from tests.hpsearch.contract import AlgorithmContract
from tests.hpsearch.driving import drive, trial
from tests.hpsearch.test_space import OPTIONS

LR: dict[str, Any] = {"lr": {"uniform": "0:1"}}
LOSS = {"name": "loss", "optimization": "minimize"}


def section(size: int = 4, max_iter: int = 9, interval: int = 3, **more: Any) -> dict[str, Any]:
    resource = {"name": "epochs", "type": more.pop("kind", "int")}
    return {
        "population_size": size,
        "max_iter": max_iter,
        "interval": interval,
        "resource": resource,
        "metric": LOSS,
        **more,
    }


def tuning(matrix: Mapping[str, Any] = LR, **given: Any) -> HpTuning:
    return HpTuning.model_validate({"matrix": matrix, "pbt": section(**given)})


class TestPbt(AlgorithmContract):
    resource = "epochs"
    of_one_point = 12  # a population may be larger than the space
    starts_over = True
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "pbt": section(4, 9, 3)}


class TestPbtOfALargePopulation(TestPbt):
    of_one_point = 42

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "pbt": section(14, 10, 4, kind="float", quantile=0.5, resample_prob=1)}


class TestPbtOfOneGeneration(TestPbt):
    of_one_point = 2

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "pbt": section(2, 4, 4)}


def second(values: Sequence[float | None], states: Sequence[TrialState] = (), **given: Any) -> Decision:
    """The second generation, when the members of the first have these values."""
    algorithm = create_algorithm(tuning(size=len(values), **given), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    trials = [
        trial(
            each,
            states[each.index] if states else TrialState.SUCCEEDED,
            {} if value is None else {"loss": value},
        )
        for each, value in zip(first, values, strict=True)
    ]
    return algorithm.suggest(MemoryHistory(trials))


def test_the_resource_is_what_a_member_has_had_in_all() -> None:
    for kind, expected in (("int", [4, 8, 10]), ("float", [4.0, 8.0, 10.0])):
        history = drive(create_algorithm(tuning(size=3, max_iter=10, interval=4, kind=kind), seed=1))
        found = [history[index].params["epochs"] for index in (0, 3, 6)]
        assert found == expected
        assert {type(value) for value in found} == {type(expected[0])}
        assert Counter(each.stage.rung for each in history.values()) == {0: 3, 1: 3, 2: 3}


def test_the_worst_go_on_from_the_best_and_the_others_from_themselves() -> None:
    decision = second([5, 1, 8, 3, 2, 9, 4, 6], quantile=0.25)
    found = {each.index: each for each in decision.suggestions}
    assert list(found) == list(range(8, 16))
    assert all(each.strategy == Strategy.COPY for each in found.values())
    assert all(each.stage == Stage(0, 1) for each in found.values())
    replaced = {10, 13}
    for index, each in found.items():
        if index in replaced:
            assert each.parent in {1, 4}
        else:
            assert each.parent == index - 8
    assert {found[10].numbers["rank"], found[13].numbers["rank"]} == {7, 8}
    assert found[9].reason == "pbt generation 2 of 3, epochs = 6: trial 1 was 1 of 8 and goes on"
    donor = found[13].parent
    assert found[13].reason == (
        f"pbt generation 2 of 3, epochs = 6: trial 5 was 8 of 8; goes on from trial {donor}, "
        f"{1 if donor == 1 else 2} with {1 if donor == 1 else 2}, with other values"
    )


def test_exploring_begins_with_the_values_of_the_copied_member() -> None:
    algorithm = create_algorithm(tuning(size=8, resample_prob=0), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    history = [trial(each, TrialState.SUCCEEDED, {"loss": float(each.index)}) for each in first]
    lr = {each.index: each.params["lr"] for each in first}
    for each in algorithm.suggest(MemoryHistory(history)).suggestions:
        assert each.parent is not None
        if each.index in {14, 15}:
            assert any(each.params["lr"] == factor * lr[each.parent] for factor in (0.8, 1.2))
        else:
            assert each.params["lr"] == lr[each.parent]


@pytest.mark.parametrize("maximised", [True, False])
def test_the_direction_of_the_metric_counts(maximised: bool) -> None:
    metric = {"name": "loss", "optimization": "maximize" if maximised else "minimize"}
    decision = second([1, 2, 3, 4], metric=metric)
    assert [each.parent for each in decision.suggestions] == ([3, 1, 2, 3] if maximised else [0, 1, 2, 0])


@pytest.mark.parametrize(
    ("values", "donors"), [([None, 3, math.nan, 1, math.inf, 2], {3}), ([None, 3, None, None, None, None], {1})]
)
def test_members_without_a_value_are_replaced(values: list[float | None], donors: set[int]) -> None:
    decision = second(values)
    for each in decision.suggestions:
        before = values[each.index - 6]
        if before is None or not math.isfinite(before):
            assert each.parent in donors
            assert f"trial {each.index - 6} has no value of loss" in each.reason


def test_failed_members_are_replaced() -> None:
    states = [TrialState.FAILED, TrialState.SUCCEEDED, TrialState.STOPPED, TrialState.SUCCEEDED]
    decision = second([0.0, 3.0, 1.0, 2.0], states)
    assert [each.parent for each in decision.suggestions] == [2, 2, 2, 3]


def test_a_generation_waits_for_the_one_before() -> None:
    decision = second([1, 2, 3, 4], [TrialState.SUCCEEDED] * 3 + [TrialState.RUNNING])
    assert (decision.suggestions, decision.finished) == ((), False)
    assert decision.reason == "pbt generation 2 of 3, epochs = 6 waits for 1 trials of the one before"


def test_it_ends_when_there_is_nobody_to_go_on_from() -> None:
    decision = second([None, None])
    assert (decision.suggestions, decision.finished) == ((), True)
    assert decision.reason == "pbt: no member of generation 1 has a value of loss to go on from"


def test_a_population_of_two_still_exploits() -> None:
    assert [each.parent for each in second([1, 2]).suggestions] == [0, 0]


def of(**option: Any) -> Dimension:
    return dimension(MatrixParam.model_validate(option).option)


def step(made: Dimension, value: Any, factor: float) -> Any:
    return explored(made, value, np.random.default_rng(0), factors=[factor], resample_prob=0)


@pytest.mark.parametrize(
    ("option", "value", "factor", "expected"),
    [
        ({"uniform": "0:1"}, 0.5, 1.2, 0.6),
        ({"uniform": "0:1"}, 0.9, 1.2, math.nextafter(1, 0)),
        ({"uniform": "0.4:1"}, 0.45, 0.8, 0.4),
        ({"uniform": "-1:1"}, -0.5, 1.2, -0.6),
        ({"loguniform": [math.log(0.1), math.log(10)]}, 0.11, 0.5, math.exp(math.log(0.1))),
        ({"normal": "0:1"}, 2.0, 1.5, 3.0),
        ({"normal": "0:1"}, 1.7e308, 10, 1.7976931348623157e308),
        ({"quniform": "0:1:0.25"}, 0.5, 1.2, 0.75),
        ({"quniform": "0:1:0.25"}, 0.75, 1.2, 0.75),
        ({"quniform": "0:1:0.25"}, 0.5, 0.8, 0.25),
        ({"qnormal": "0:9:2"}, 4, 1.2, 6),
        ({"qnormal": "0:9:2"}, 4, 0.8, 2),
        ({"qnormal": "0:9:2"}, -4, 1.2, -6),
        ({"qnormal": "0:9:2"}, 20, 1.2, 24),
        ({"range": "1:9:1"}, 5, 1.2, 6),
        ({"range": "1:9:1"}, 2, 1.2, 3),
        ({"range": "1:9:1"}, 2, 0.8, 1),
        ({"range": "1:9:1"}, 1, 0.8, 1),
        ({"range": "1:9:1"}, 8, 1.2, 8),
        ({"range": "0:9:1"}, 0, 1.2, 1),
        ({"range": "-4:5:1"}, -2, 1.2, -3),
        ({"range": "0:1000000000000:1"}, 500_000_000_000, 1.2, 600_000_000_000),
        ({"logspace": "0:3:4:0.1"}, 0.1, 1.2, 1.0),
        ({"logspace": "0:3:4:0.1"}, 0.1, 0.8, 0.01),
        ({"geomspace": "1:1000:4"}, 10.0, 20, 100.0),
        ({"values": [8, 1, 4, 2]}, 4, 1.2, 8),
        ({"values": [8, 1, 4, 2]}, 4, 0.8, 2),
        ({"values": [8, 1, 4, 2]}, 4, 1, 4),
        ({"values": ["a", "b", "c"]}, "b", 1.2, "c"),
        ({"values": ["a", "b", "c"]}, "b", 0.8, "a"),
        ({"values": ["a", "b", "c"]}, "c", 1.2, "c"),
        ({"values": [True, False]}, True, 1.2, False),
        ({"pvalues": [[0.1, 0.5], [0.2, 0.5]]}, 0.1, 1.2, 0.2),
    ],
)
def test_steps(option: dict[str, Any], value: Any, factor: float, expected: Any) -> None:
    found = step(of(**option), value, factor)
    assert found == expected
    assert isinstance(found, float) or type(found) is type(expected)


def test_a_value_that_the_file_fixed_to_something_else_is_drawn_anew() -> None:
    assert 0 <= step(of(uniform="0:1"), "auto", 1.2) < 1


def test_some_are_drawn_anew() -> None:
    rng = np.random.default_rng(0)
    made = of(uniform="0:1")
    found = [explored(made, 0.5, rng, factors=[0.8, 1.2], resample_prob=0.25) for _ in range(2000)]
    stepped = sum(value in {0.4, 0.6} for value in found)
    assert stepped / 2000 == pytest.approx(0.75, abs=0.05)
    assert found.count(0.4) / stepped == pytest.approx(0.5, abs=0.05)


@settings(deadline=None, max_examples=200)
@given(OPTIONS, st.integers(0, 2**32), st.floats(0.1, 10))
def test_steps_stay_in_the_space(option: dict[str, Any], seed: int, factor: float) -> None:
    space = SearchSpace.from_matrix({"x": MatrixParam.model_validate(option)})
    value = space.sample(np.random.default_rng(seed))["x"]
    found = step(space.dimensions["x"], value, factor)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    levels, bounds = space.dimensions["x"].levels, getattr(space.dimensions["x"], "bounds", None)
    if levels is not None and len(levels) <= 200:
        assert json.dumps(found) in {json.dumps(level) for level in levels}
    elif levels is None and bounds is not None:
        assert bounds[0] <= found < bounds[1]
