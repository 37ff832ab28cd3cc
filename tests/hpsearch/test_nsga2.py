"""NSGA-II and Pareto fronts."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpsearch import MemoryHistory, Suggestion, Trial, TrialState, create_algorithm
from hpsearch.pareto import pareto_front
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.search import Metric
from tests.hpsearch.driving import History, drive, pool, trial

METRICS = [Metric(name="near", optimization="minimize"), Metric(name="far", optimization="maximize")]
MATRIX: dict[str, Any] = {f"x{i}": {"uniform": "0:1"} for i in range(6)}


def algorithm(n: int = 200, seed: int = 1, matrix: dict[str, Any] = MATRIX, **more: Any) -> Any:
    section = {"n_experiments": n, "metrics": [each.model_dump() for each in METRICS], "population_size": 20, **more}
    return create_algorithm(HpTuning.model_validate({"matrix": matrix, "nsga2": section}), seed=seed)


def zdt1(suggestion: Suggestion) -> dict[str, float]:
    """Zitzler, Deb and Thiele (2000), the second metric turned around."""
    first, *rest = suggestion.params.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return {"near": first, "far": -g * (1 - math.sqrt(first / g))}


def hypervolume(history: History) -> float:
    """The area that the front dominates below the reference point (1.1, 11)."""
    trials = list(history.values())
    front = sorted(
        (trials[place].metrics["near"], -trials[place].metrics["far"]) for place in pareto_front(trials, METRICS)
    )
    area, ceiling = 0.0, 11.0
    for x, y in front:
        area += max(0.0, 1.1 - x) * max(0.0, ceiling - y)
        ceiling = min(ceiling, y)
    return area


def test_it_beats_random_points() -> None:
    bred = hypervolume(drive(algorithm(300), outcome=zdt1, limit=1))
    random_search = {"matrix": MATRIX, "random_search": {"n_experiments": 300}}
    drawn = hypervolume(drive(create_algorithm(HpTuning.model_validate(random_search), seed=1), outcome=zdt1))
    assert bred > drawn + 0.5


def test_generations_are_counted_as_rungs() -> None:
    history = drive(algorithm(65), outcome=zdt1, limit=1)
    rungs = [trial.stage.rung for _, trial in sorted(history.items())]
    assert rungs == [index // 20 for index in range(65)]
    assert len(history[20].numbers["parents"]) == 20
    assert "parents" not in history[21].numbers


def test_trials_under_way_and_failed_do_not_end_a_generation() -> None:
    def outcome(suggestion: Suggestion) -> Any:
        return ({}, TrialState.FAILED) if suggestion.index % 2 else zdt1(suggestion)

    history = pool(lambda: algorithm(150), 4, 0, outcome=outcome)
    complete = [trial for trial in history.values() if trial.state == TrialState.SUCCEEDED]
    for rung in range(2):
        assert sum(trial.stage.rung == rung for trial in complete) >= 20


def test_a_trial_that_ends_late_does_not_change_who_is_bred_from() -> None:
    under_way = drive(algorithm(20), outcome=zdt1, limit=1)
    under_way[5] = replace(under_way[5], state=TrialState.RUNNING, metrics={})
    [last] = algorithm().suggest(MemoryHistory(under_way.values()), limit=1).suggestions
    under_way[last.index] = trial(last, TrialState.SUCCEEDED, zdt1(last))
    [first] = algorithm().suggest(MemoryHistory(under_way.values()), limit=1).suggestions
    assert first.stage.rung == 1
    assert 5 not in first.numbers["parents"]
    under_way[first.index] = trial(first, TrialState.RUNNING, {})
    over = {**under_way, 5: replace(under_way[5], state=TrialState.SUCCEEDED, metrics={"near": 0.0, "far": 9.0})}
    found = [algorithm().suggest(MemoryHistory(each.values()), limit=3).suggestions for each in (under_way, over)]
    assert found[0] == found[1]


def test_every_kind_of_parameter_is_bred() -> None:
    matrix = {
        "k": {"values": ["a", "b", "c"]},
        "n": {"normal": "0:1"},
        "d": {"range": "0:50:1"},
        "one": {"values": [3]},
    }

    def outcome(suggestion: Suggestion) -> dict[str, float]:
        params = suggestion.params
        return {"near": abs(params["n"] - 1) + (params["k"] != "b"), "far": params["d"]}

    late: list[Trial] = []
    for seed in range(4):
        history = drive(algorithm(200, seed, matrix), outcome=outcome, limit=1)
        late += [each for index, each in history.items() if index >= 160]
    assert {each.params["one"] for each in late} == {3}
    # By chance it would be a third of them.
    assert sum(each.params["k"] == "b" for each in late) > len(late) / 2


def made(*rows: tuple[float, float], state: TrialState = TrialState.SUCCEEDED) -> list[Trial]:
    return [Trial(index, {}, state, {"near": near, "far": far}) for index, (near, far) in enumerate(rows)]


def test_the_front() -> None:
    assert pareto_front(made((1, 1), (2, 2), (2, 1), (0, 0), (1, 1)), METRICS) == [0, 1, 3, 4]
    assert pareto_front(made((1, 5), (math.nan, 9), (2, math.inf)), METRICS) == [0, 2]
    assert pareto_front(made((1, 5), state=TrialState.FAILED), METRICS) == []
    assert pareto_front([], METRICS) == []
    assert pareto_front(made((3, 0), (1, 0), (1, 9)), METRICS[:1]) == [1, 2]
    assert pareto_front([Trial(None, {}, TrialState.SUCCEEDED, {"near": 1.0})], METRICS) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_front_is_what_nothing_dominates(seed: int) -> None:
    rng = random.Random(seed)
    trials = made(*((rng.randint(0, 9), rng.randint(0, 9)) for _ in range(60)))
    losses = [(trial.metrics["near"], -trial.metrics["far"]) for trial in trials]
    dominated = {
        i
        for i, j in itertools.permutations(range(60), 2)
        if losses[j] != losses[i] and np.all(np.array(losses[j]) <= losses[i])
    }
    assert pareto_front(trials, METRICS) == [i for i in range(60) if i not in dominated]
