"""Bayesian optimisation: what went wrong with it in the platform that this one succeeds, and what else it holds to."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from hpsearch import MemoryHistory, SearchSpace, Suggestion, Trial, TrialState, create_algorithm
from hpsearch.acquisition import Acquisition, log_improvement
from hpsearch.gaussian import Scaling, fit, tamed
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.search import GaussianProcess
from tests.hpsearch.driving import drive, points, pool

UNIT = {"x": {"uniform": "0:1"}, "y": {"uniform": "0:1"}}
Params = dict[str, Any]


def tuning(matrix: dict[str, Any], initial: int = 3, iterations: int = 3, **more: Any) -> HpTuning:
    metric = {"name": "loss", "optimization": more.pop("optimization", "minimize")}
    utility = more.pop("utility_function", None)
    section = {"n_initial_trials": initial, "n_iterations": iterations, "metric": metric, "utility_function": utility}
    return HpTuning.model_validate({"matrix": matrix, "bo": section, **more})


def search(
    matrix: dict[str, Any], objective: Callable[[Params], float], initial: int = 3, iterations: int = 5, **more: Any
) -> list[tuple[Params, float]]:
    """Points in their order, each with its value."""

    def outcome(suggestion: Suggestion) -> dict[str, float]:
        return {"loss": objective(suggestion.params)}

    algorithm = create_algorithm(tuning(matrix, initial, iterations, **more), seed=1)
    found = points(drive(algorithm, outcome=outcome, limit=1))
    return [(point, objective(point)) for point in found.values()]


def done(index: int | None, params: Params, value: float, state: TrialState = TrialState.SUCCEEDED) -> Trial:
    return Trial(index, params, state, {"loss": value})


def suggested(trials: Sequence[Trial], matrix: dict[str, Any], limit: int = 1, **more: Any) -> list[Suggestion]:
    algorithm = create_algorithm(tuning(matrix, **more), seed=1)
    return list(algorithm.suggest(MemoryHistory(trials), limit=limit).suggestions)


def bowl(params: Params) -> float:
    return float((params["x"] - 0.3) ** 2 + (params["y"] - 0.8) ** 2)


def test_logspace_is_decoded_in_natural_units() -> None:
    """It always gave one end of `-4:-1:31`, because exponents were compared with powers."""
    found = search({"rate": {"logspace": "-4:-1:31"}}, lambda p: (math.log10(p["rate"]) + 2.4) ** 2, 4, 8)
    values = [point["rate"] for point, _ in found]
    assert len(set(values)) == len(values)
    assert min(value for _, value in found) < 0.011


def test_range_excludes_its_stop() -> None:
    """The stop was the upper bound of the column, so that the last level was preferred beyond reason."""
    found = search({"depth": {"range": "0:10:1"}}, lambda p: -p["depth"], 3, 20)
    assert sorted(point["depth"] for point, _ in found) == list(range(10))


def test_a_missing_utility_function_has_defaults() -> None:
    """It was accepted, and the group hung after the initial trials."""
    assert tuning(UNIT).bo.utility_function is None  # type: ignore[union-attr]
    assert len(search(UNIT, bowl)) == 8


def test_a_missing_gaussian_process_has_defaults() -> None:
    assert len(search(UNIT, bowl, utility_function={"acquisition_function": "ei", "eps": 0.01})) == 8


def test_no_point_is_tried_twice() -> None:
    """Suggestions were not compared with points that were observed, nor with those under way."""
    matrix = {"a": {"range": "0:4:1"}, "b": {"values": ["x", "y"]}}
    for workers in (1, 3):
        history = pool(lambda: create_algorithm(tuning(matrix, 2, 50), seed=3), workers, 0)
        found = [(point["a"], point["b"]) for point in points(history).values()]
        assert len(set(found)) == len(found) == 8


def test_no_deviation_gives_no_nan() -> None:
    """With a deviation of 0 expected improvement and its probability were NaN."""
    found = np.array([0.0, 1e-300, 1.0])
    for kind in ("ucb", "ei", "poi"):
        worth = Acquisition(kind, kappa=1.0)(np.zeros(3), np.maximum(found, 1e-6), 0.0)
        assert np.all(np.isfinite(worth))
    same = [done(i, {"x": i / 3, "y": 0.5}, 1.0) for i in range(3)]
    for kind in ("ei", "poi"):
        assert suggested(same, UNIT, utility_function={"acquisition_function": kind, "eps": 0})


def test_near_duplicates_do_not_break_the_model() -> None:
    """Rows that were almost equal made the matrix of covariances singular."""
    trials = [done(i, {"x": 0.5 + i * 1e-13, "y": 0.5}, float(i % 2)) for i in range(12)]
    [suggestion] = suggested(trials, UNIT, initial=3, iterations=20)
    assert suggestion.numbers["noise"] > 1e-3


def test_inputs_are_scaled() -> None:
    """Raw columns of very different widths had one length scale."""
    wide = {"x": {"uniform": [0, 1]}, "y": {"uniform": [0, 1e6]}}

    def stretched(params: Params) -> float:
        return bowl({"x": params["x"], "y": params["y"] / 1e6})

    best = min(value for _, value in search(wide, stretched, 5, 15))
    assert best == pytest.approx(min(value for _, value in search(UNIT, bowl, 5, 15)), abs=1e-3)
    assert best < 1e-3


def test_targets_are_normalised() -> None:
    """A model of mean 0 and variance 1 knew nothing of losses around a million."""
    found = search(UNIT, lambda p: 1e6 + 1e3 * bowl(p), 5, 15)
    assert min(value for _, value in found) < 1e6 + 1


def test_noise_is_modelled() -> None:
    rng = random.Random(0)
    trials = [done(i, {"x": x, "y": 0.5}, x + rng.gauss(0, 0.3)) for i, x in enumerate([i / 30 for i in range(30)])]
    [suggestion] = suggested(trials, UNIT, initial=3, iterations=50)
    assert suggestion.numbers["noise"] > 0.05
    assert suggestion.params["x"] < 0.3


def test_the_maximiser_has_a_budget_worth_its_name() -> None:
    """Five random points and ten starts rarely found the top of the acquisition function."""
    found = search(UNIT, bowl, 6, 12)
    assert min(value for _, value in found) < 1e-4


def test_log_scaled_options_are_searched_in_their_logarithm() -> None:
    """They were refused."""
    matrix = {"rate": {"loguniform": [math.log(1e-6), math.log(1.0)]}}
    found = search(matrix, lambda p: abs(math.log10(p["rate"]) + 4.5), 4, 12)
    assert min(value for _, value in found) < 0.1


def test_several_trials_can_run_at_a_time() -> None:
    """One suggestion at a time was made, when all others were done."""
    at = [{"x": x, "y": y} for x, y in [(0, 0), (1, 1), (0.4, 0.7)]]
    trials = [done(i, params, bowl(params)) for i, params in enumerate(at)]
    found = suggested(trials, UNIT, limit=4, initial=3, iterations=10)
    assert len(found) == 4
    gaps = [math.dist(a.params.values(), b.params.values()) for a in found for b in found if a.index < b.index]
    assert min(gaps) > 0.01
    under_way = [*trials, *(Trial(each.index, each.params, TrialState.RUNNING) for each in found[:2])]
    assert suggested(under_way, UNIT, limit=2, initial=3, iterations=10) == found[2:]


def test_without_an_observation_it_goes_on() -> None:
    """The group failed with "no suggestions"."""
    algorithm = create_algorithm(tuning(UNIT, 3, 5), seed=1)
    for state in (TrialState.FAILED, TrialState.STOPPED):
        assert len(drive(algorithm, state=state, metrics={})) == 8
    one = [Trial(i, {"x": i / 3, "y": 0.5}, TrialState.RUNNING) for i in range(3)]
    assert len(suggested(one, UNIT, limit=2)) == 2


def test_one_seed_does_not_repeat_its_candidates() -> None:
    """The generator was seeded alike at every iteration, so the same candidates were looked at again and again."""
    flat = [done(i, {"x": i / 3, "y": 0.5}, 1.0) for i in range(3)]
    first, second = suggested(flat, UNIT, limit=2)
    assert first.params != second.params


@pytest.mark.parametrize("kernel", ["matern", "rbf"])
@pytest.mark.parametrize(
    "utility",
    [
        {"acquisition_function": "ucb", "kappa": 1.5, "n_warmup": 200, "n_iter": 2},
        {"acquisition_function": "ei", "eps": 0.001},
        {"acquisition_function": "poi", "eps": 0.001},
    ],
    ids=["ucb", "ei", "poi"],
)
def test_every_setting_finds_the_bottom(kernel: str, utility: dict[str, Any]) -> None:
    process = {"kernel": kernel, "length_scale": 0.5, "nu": 2.5, "n_restarts_optimizer": 1}
    found = search(UNIT, bowl, 5, 20, utility_function={**utility, "gaussian_process": process})
    assert min(value for _, value in found) < 0.01


def test_maximising_is_minimising_the_negative() -> None:
    least = search(UNIT, bowl, 4, 6)
    most = search(UNIT, lambda p: -bowl(p), 4, 6, optimization="maximize")
    assert [point for point, _ in least] == [point for point, _ in most]


def test_kappa_explores() -> None:
    trials = [done(i, {"x": x, "y": 0.5}, x) for i, x in enumerate([0.0, 0.1, 0.2, 0.3])]
    ucb = {"acquisition_function": "ucb"}
    near, far = (suggested(trials, UNIT, utility_function={**ucb, "kappa": kappa})[0] for kappa in (0, 50))
    assert near.numbers["deviation"] < far.numbers["deviation"]
    assert near.params["x"] < 0.1


def test_eps_is_in_the_unit_of_the_metric() -> None:
    def first(scale: float, eps: float) -> dict[str, Any]:
        trials = [done(i, {"x": x, "y": 0.5}, scale * x) for i, x in enumerate([0.1, 0.4, 0.9])]
        return suggested(trials, UNIT, utility_function={"acquisition_function": "poi", "eps": eps})[0].params

    assert first(1.0, 0.05) == pytest.approx(first(1000.0, 50.0), abs=1e-3)
    assert first(1.0, 0.05) != pytest.approx(first(1.0, 5.0), abs=1e-3)


def test_where_trials_fail_is_kept_away_from() -> None:
    def outcome(suggestion: Suggestion) -> Any:
        fails = suggestion.params["x"] > 0.5
        return ({}, TrialState.FAILED) if fails else {"loss": -suggestion.params["x"]}

    history = drive(create_algorithm(tuning(UNIT, 6, 14), seed=2), outcome=outcome, limit=1)
    later = [history[index] for index in range(10, 20)]
    assert sum(trial.state == TrialState.FAILED for trial in later) < 5
    assert max(t.params["x"] for t in history.values() if t.state == TrialState.SUCCEEDED) > 0.4


def test_runs_that_people_added_count() -> None:
    without = [done(i, {"x": i / 3, "y": 0.5}, 1.0) for i in range(3)]
    added = [done(None, {"x": 0.83, "y": 0.17}, -50.0), done(None, {"x": 0.8, "y": 0.2}, -49.0)]
    [suggestion] = suggested([*without, *added], UNIT)
    assert suggestion.params["y"] < 0.35
    assert suggested(without, UNIT)[0].params != suggestion.params


def test_many_trials_are_modelled_in_little_time() -> None:
    rng = random.Random(0)
    at = [{"x": rng.random(), "y": rng.random()} for _ in range(1500)]
    trials = [done(i, params, bowl(params)) for i, params in enumerate(at)]
    [suggestion] = suggested(trials, UNIT, initial=3, iterations=3000)
    assert math.dist((0.3, 0.8), suggestion.params.values()) < 0.2


def test_losses_may_be_as_large_as_floats_go() -> None:
    scaling = Scaling.of(np.array([1.7e308, -1.7e308, 0.0]))
    found = scaling.apply(np.array([1.7e308, -1.7e308, 0.0]))
    assert found == pytest.approx([math.sqrt(1.5), -math.sqrt(1.5), 0])


def test_runs_that_diverged_do_not_make_all_others_look_alike() -> None:
    assert tamed(np.array([1.0, 2.0, 3.0, 1e6])).tolist() == [1.0, 2.0, 3.0, 5.5]
    assert tamed(np.array([1.0, 1.0, 1.0, 7.0])).tolist() == [1.0, 1.0, 1.0, 7.0]
    assert tamed(np.array([-1.7e308, 1.7e308, 0.0])).tolist() == [-1.7e308, 1.7e308, 0.0]

    def objective(params: Params) -> float:
        return 1e4 if params["x"] > 0.6 else bowl(params)

    assert min(value for _, value in search(UNIT, objective, 8, 12)) < 1e-3


def test_improvement_far_below_zero() -> None:
    found = log_improvement(np.array([5.0, 0.0, -1.0, -10.0, -1e3, -1e5]))
    exact = [1.60943792, -0.91893853, -2.48512103, -55.5531220, -500014.734, -5000000023.9]
    assert found == pytest.approx(exact, rel=1e-6)
    assert np.all(np.diff(log_improvement(np.linspace(-50, 5, 2000))) > 0)


def test_the_model_predicts_between_its_points() -> None:
    inputs = np.linspace(0, 1, 9)[:, None]
    targets = np.sin(6 * inputs[:, 0])
    model = fit(inputs, targets, GaussianProcess(nu=2.5), np.random.default_rng(0))
    mean, deviation = model.predict(np.array([[0.31], [0.125]]))
    assert mean == pytest.approx(np.sin(6 * np.array([0.31, 0.125])), abs=0.02)
    assert deviation[0] > deviation[1]
    _, after = model.conditioned(np.array([[0.31]])).predict(np.array([[0.31]]))
    assert after[0] < deviation[0]


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    rng = random.Random(0)
    at = [{"x": rng.random(), "y": rng.random()} for _ in range(300)]
    trials = [done(i, params, bowl(params)) for i, params in enumerate(at)]
    found = []
    for threads in (1, 4):
        with threadpoolctl.threadpool_limits(threads):
            found += suggested(trials, UNIT, initial=3, iterations=3000)
    assert found[0] == found[1]


def test_a_space_is_of_its_matrix() -> None:
    same = [SearchSpace.from_matrix(tuning(UNIT).matrix) for _ in range(2)]
    assert same[0] == same[1]
