"""Which parameters matter, and which trial is the best."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpsearch import SearchError, SearchSpace, Trial, TrialState, create_algorithm
from hpsearch.importance import MIN_TRIALS, best_trial, importances
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.matrix import MatrixParam
from polyaxon_schemas.search import Metric
from tests.hpsearch.driving import drive

LOSS = Metric(name="loss", optimization="minimize")
MATRIX: dict[str, Any] = {
    "much": {"uniform": "0:1"},
    "little": {"loguniform": "-5:0"},
    "nothing": {"normal": "0:1"},
    "kind": {"values": ["a", "b", "c"]},
    "only": {"values": [1]},
}
SPACE = SearchSpace.from_matrix({name: MatrixParam.model_validate(each) for name, each in MATRIX.items()})


def value(params: Any) -> float:
    return float(3 * params["much"] + 0.2 * math.log(params["little"]) + 0.5 * (params["kind"] == "b"))


def some(count: int) -> list[Trial]:
    rng = np.random.default_rng(0)
    at = [SPACE.sample(rng) for _ in range(count)]
    return [Trial(i, params, TrialState.SUCCEEDED, {"loss": value(params)}) for i, params in enumerate(at)]


def test_importances_are_shares_of_the_variance() -> None:
    found = importances(SPACE, some(150), LOSS)
    assert sum(found.values()) == pytest.approx(1)
    assert next(iter(found)) == "much"
    assert set(found) == set(MATRIX)
    assert found["only"] == 0
    assert found["much"] > 0.7
    assert 0.3 > found["little"] > found["nothing"]
    assert found["nothing"] < 0.05
    assert importances(SPACE, some(150), LOSS) == found


def test_a_search_that_looked_in_one_place_tells_the_same() -> None:
    section = {"matrix": MATRIX, "tpe": {"n_experiments": 150, "metric": LOSS.model_dump()}}
    algorithm = create_algorithm(HpTuning.model_validate(section), seed=0)
    history = drive(algorithm, outcome=lambda s: {"loss": value(s.params)}, limit=1)
    found = importances(SPACE, list(history.values()), LOSS)
    assert found["much"] > 0.6
    assert found["nothing"] < 0.1


def test_few_trials_say_nothing() -> None:
    failed = [replace(trial, state=TrialState.FAILED) for trial in some(20)]
    with pytest.raises(SearchError, match=f"at least {MIN_TRIALS} finished trials with loss; there are 4"):
        importances(SPACE, [*some(4), *failed], LOSS)


def test_equal_trials_say_nothing() -> None:
    with pytest.raises(SearchError, match="every finished trial has the same loss"):
        importances(SPACE, [replace(trial, metrics={"loss": 1.0}) for trial in some(20)], LOSS)


def test_many_trials_and_large_losses_are_no_trouble() -> None:
    large = [replace(trial, metrics={"loss": trial.metrics["loss"] * 1e307}) for trial in some(3000)]
    found = importances(SPACE, large, LOSS)
    assert found["much"] > 0.7


def test_the_best_trial() -> None:
    trials = some(20)
    assert best_trial(trials, LOSS) == min(trials, key=lambda trial: trial.metrics["loss"])
    most = Metric(name="loss", optimization="maximize")
    assert best_trial(trials, most) == max(trials, key=lambda trial: trial.metrics["loss"])
    odd = [replace(trials[0], metrics={"loss": math.nan}), replace(trials[1], state=TrialState.FAILED)]
    assert best_trial([*odd, trials[2]], LOSS) == trials[2]
    assert best_trial(odd, LOSS) is None
    same = [replace(trial, metrics={"loss": 1.0}) for trial in trials]
    assert best_trial(same, LOSS) == same[0]


def test_large_libraries_are_loaded_when_they_are_needed() -> None:
    code = (
        "import sys, hpsearch, hpsearch.importance, hpsearch.pareto, hpsearch.bo, hpsearch.tpe, hpsearch.cma_es, "
        "hpsearch.qmc, hpsearch.nsga2; "
        "print([name for name in ('optuna', 'sklearn', 'scipy', 'cmaes') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
