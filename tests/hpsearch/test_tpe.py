"""What the tree-structured Parzen estimator holds to besides the contract."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import Any

import optuna
import pytest

from hpsearch import MemoryHistory, Trial, TrialState, create_algorithm
from hpsearch import tpe_model as model
from hpsearch.caching import Recent
from polyaxon_schemas.hptuning import HpTuning
from tests.hpsearch.timing import times_as_long

MATRIX: dict[str, Any] = {
    "x": {"uniform": "0:1"},
    "rate": {"loguniform": "-9:-1"},
    "depth": {"range": "1:9:1"},
    "kind": {"values": ["a", "b", "c"]},
}


def algorithm(n: int = 2000, seed: int = 4, **more: Any) -> Any:
    section = {"n_experiments": n, "metric": {"name": "loss", "optimization": "minimize"}, **more}
    return create_algorithm(HpTuning.model_validate({"matrix": MATRIX, "tpe": section}), seed=seed)


def some(count: int, state: TrialState = TrialState.SUCCEEDED) -> list[Trial]:
    """Good where x is small and kind is b."""
    rng = random.Random(0)
    made = []
    for index in range(count):
        kind = rng.choice("abc")
        params = {"x": rng.random(), "rate": 10 ** -rng.uniform(1, 3), "depth": rng.randint(1, 8), "kind": kind}
        made.append(Trial(index, params, state, {"loss": params["x"] + (kind != "b")}))
    return made


def suggested(trials: list[Trial], limit: int = 8, **more: Any) -> list[dict[str, Any]]:
    return [each.params for each in algorithm(**more).suggest(MemoryHistory(trials), limit=limit).suggestions]


@pytest.mark.parametrize("multivariate", [True, False])
def test_it_goes_where_trials_were_good(multivariate: bool) -> None:
    found = suggested(some(60), multivariate=multivariate)
    assert sum(point["kind"] == "b" for point in found) >= 6
    assert sum(point["x"] < 0.3 for point in found) >= 6


def test_maximising_is_minimising_the_negative() -> None:
    turned = [replace(trial, metrics={"loss": -trial.metrics["loss"]}) for trial in some(60)]
    assert suggested(some(60)) == suggested(turned, metric={"name": "loss", "optimization": "maximize"})


def test_trials_under_way_are_taken_account_of() -> None:
    under_way = [replace(trial, index=trial.index + 60, state=TrialState.RUNNING) for trial in some(60)]  # type: ignore[operator]
    assert suggested([*some(60), *under_way]) != suggested(some(60))


def test_trials_that_failed_are_kept_away_from() -> None:
    failed = [replace(trial, state=TrialState.FAILED) if trial.params["kind"] == "b" else trial for trial in some(60)]
    assert sum(point["kind"] == "b" for point in suggested(failed)) <= 2


def test_what_is_kept_between_calls_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = some(40)
    suggested(trials)
    changed = [*trials[:-1], replace(trials[-1], metrics={"loss": -100.0}, params={**trials[-1].params, "kind": "c"})]
    kept = suggested(changed)
    monkeypatch.setattr(model, "_conversions", Recent(1))
    assert suggested(changed) == kept != suggested(trials)


def test_only_some_searches_are_remembered() -> None:
    recent: Recent[int] = Recent(2)
    for key in "aba":
        recent.put(key, ord(key))
    recent.put("c", 1)
    assert [recent.get(key) for key in "abc"] == [ord("a"), None, 1]


def test_nothing_is_logged_and_no_logger_changed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    verbosity, root = optuna.logging.get_verbosity(), list(logging.getLogger().handlers)
    with caplog.at_level(logging.DEBUG):
        suggested(some(30))
    assert capfd.readouterr() == ("", "")
    assert (optuna.logging.get_verbosity(), list(logging.getLogger().handlers)) == (verbosity, root)


@pytest.mark.slow
@pytest.mark.parametrize("multivariate", [True, False])
def test_a_suggestion_costs_little_more_than_optunas_sampler_alone(multivariate: bool) -> None:
    """The bound is 1.5; how much it is stands in the benchmarks."""
    trials = some(1000)
    study = optuna.study.create_study(sampler=optuna.samplers.TPESampler(seed=0, multivariate=multivariate))
    space: dict[str, Any] = {
        "x": optuna.distributions.FloatDistribution(0, 1),
        "rate": optuna.distributions.FloatDistribution(1e-4, 1, log=True),
        "depth": optuna.distributions.IntDistribution(1, 8),
        "kind": optuna.distributions.CategoricalDistribution(["a", "b", "c"]),
    }
    for trial in trials:
        study.add_trial(
            optuna.trial.create_trial(params=dict(trial.params), distributions=space, value=trial.metrics["loss"])
        )

    def ours() -> None:
        suggested(trials, limit=1, multivariate=multivariate)

    assert times_as_long(ours, lambda: study.ask(space), enough=1.5) < 1.5
