"""What CMA-ES holds to besides the contract."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import optuna
import pytest

from hpsearch import MemoryHistory, SearchError, Suggestion, TrialState, cma_state, create_algorithm
from hpsearch.caching import Recent
from polyaxon_schemas.hptuning import HpTuning
from tests.hpsearch.driving import History, drive, pool
from tests.hpsearch.timing import times_as_long

UNIT = {name: {"uniform": "-5:5"} for name in "xyz"}


def algorithm(matrix: dict[str, Any], n: int = 120, seed: int = 2, **more: Any) -> Any:
    section = {"n_experiments": n, "metric": {"name": "loss", "optimization": "minimize"}, **more}
    return create_algorithm(HpTuning.model_validate({"matrix": matrix, "cma_es": section}), seed=seed)


def sphere(suggestion: Suggestion) -> dict[str, float]:
    return {"loss": sum((value - 1) ** 2 for value in suggestion.params.values())}


def best(history: History) -> float:
    return min(trial.metrics["loss"] for trial in history.values())


def test_it_finds_the_bottom() -> None:
    assert best(drive(algorithm(UNIT, 200), outcome=sphere, limit=1)) < 0.01


def test_it_finds_the_bottom_among_levels() -> None:
    matrix = {"x": {"range": "-5:6:1"}, "y": {"values": [-5, 0, 1, 4]}, "z": {"uniform": "-5:5"}}
    assert best(drive(algorithm(matrix, 150), outcome=sphere, limit=1)) < 0.05


def test_one_parameter_is_enough() -> None:
    assert best(drive(algorithm({"x": {"uniform": "-5:5"}}, 60), outcome=sphere, limit=1)) < 0.01


def test_many_workers_do_no_harm() -> None:
    history = pool(lambda: algorithm(UNIT, 200), 5, 0, outcome=sphere)
    assert best(history) < 0.1
    assert max(trial.stage.rung for trial in history.values()) > 15


def test_the_distribution_is_told_anew_by_a_process_that_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    history = drive(algorithm(UNIT, 60), outcome=sphere, limit=1)
    known = algorithm(UNIT).suggest(MemoryHistory(history.values()), limit=5)
    monkeypatch.setattr(cma_state, "_states", Recent(64))
    assert algorithm(UNIT).suggest(MemoryHistory(history.values()), limit=5) == known


def test_a_value_that_changes_later_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    history = drive(algorithm(UNIT, 60), outcome=sphere, limit=1)
    before = algorithm(UNIT).suggest(MemoryHistory(history.values()), limit=5)
    monkeypatch.setattr(cma_state, "_states", Recent(64))
    history[3] = replace(history[3], metrics={"loss": -77.0})
    assert algorithm(UNIT).suggest(MemoryHistory(history.values()), limit=5) == before


def test_two_searches_do_not_share_what_is_remembered() -> None:
    one = drive(algorithm(UNIT, 40), outcome=sphere, limit=1)
    other = drive(algorithm(UNIT, 40), outcome=lambda s: {"loss": -sphere(s)["loss"]}, limit=1)
    assert one[0].params == other[0].params
    assert one[39].params != other[39].params


def test_failures_count_as_bad() -> None:
    def outcome(suggestion: Suggestion) -> Any:
        return ({}, TrialState.FAILED) if suggestion.params["x"] > 2 else sphere(suggestion)

    history = drive(algorithm(UNIT, 150), outcome=outcome, limit=1)
    assert sum(trial.state == TrialState.FAILED for index, trial in history.items() if index > 75) < 5


def test_it_begins_anew_when_it_has_converged() -> None:
    history = drive(algorithm({"x": {"uniform": "-5:5"}}, 400), metrics={"loss": 1.0}, limit=1)
    late = [trial.params["x"] for index, trial in history.items() if index > 300]
    assert max(late) - min(late) > 1


@pytest.mark.parametrize("matrix", [{"kind": {"values": ["a", "b"]}}, {"flag": {"values": [True, False]}}])
def test_what_is_no_number_is_refused(matrix: dict[str, Any]) -> None:
    with pytest.raises(SearchError, match=f"cma_es needs numbers, but {next(iter(matrix))}"):
        algorithm({**UNIT, **matrix})


def test_a_constant_of_any_kind_is_no_matter() -> None:
    found = algorithm({**UNIT, "kind": {"values": ["a"]}}).suggest(MemoryHistory(), limit=3).suggestions
    assert {suggestion.params["kind"] for suggestion in found} == {"a"}
    assert all(math.isfinite(x) for suggestion in found for x in suggestion.numbers["x"])


@pytest.mark.slow
def test_a_suggestion_costs_little_more_than_optunas_sampler_alone() -> None:
    search = algorithm(UNIT, 2000)
    history = MemoryHistory(drive(algorithm(UNIT, 1000), outcome=sphere, limit=1).values())
    study = optuna.create_study(sampler=optuna.samplers.CmaEsSampler(seed=0))
    space: dict[str, Any] = {name: optuna.distributions.FloatDistribution(-5, 5) for name in UNIT}
    for _ in range(1000):
        asked = study.ask(space)
        study.tell(asked, sum((value - 1) ** 2 for value in asked.params.values()))
    assert times_as_long(lambda: search.suggest(history, limit=1), lambda: study.ask(space), enough=1.5) < 1.5
