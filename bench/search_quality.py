"""How good the best point is that a search finds with a budget, beside Optuna's samplers."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import optuna

from bench.search_problems import PROBLEMS, Problem
from hpsearch import MemoryHistory, SearchAlgorithm, Suggestion, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning

SEEDS, QUICK_SEEDS, PROCESSES = 20, 2, 2
# A worker has one thread: both processes have a core of their own, and no library takes the other's.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_METRIC = {"name": "loss", "optimization": "minimize"}
_RESOURCE = {"name": "epochs", "type": "int"}

Run = Callable[[Problem, int], float]


@dataclass(frozen=True)
class Contestant:
    name: str
    run: Run
    by_resource: bool = False  # only for problems whose trials take one


def _optuna(sampler: Callable[[int], optuna.samplers.BaseSampler]) -> Run:
    def run(problem: Problem, seed: int) -> float:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=sampler(seed))
        study.optimize(lambda trial: problem.loss(problem.suggest(trial), problem.most), n_trials=problem.trials)
        return float(study.best_value)

    return run


def _ours(section: Callable[[Problem], dict[str, Any]], at_once: int = 1) -> Run:
    """With `at_once` so many trials are suggested together, and all are done before the next are."""

    def run(problem: Problem, seed: int) -> float:
        tuning = HpTuning.model_validate({"matrix": problem.matrix, **section(problem)})
        return drive(create_algorithm(tuning, seed=seed), problem, at_once)

    return run


def drive(algorithm: SearchAlgorithm, problem: Problem, at_once: int = 1) -> float:
    """The least loss that is found until the resource of `problem.trials` whole trials is spent.

    A trial that goes on from another one is charged for what it adds.
    """
    trials: dict[int, Trial] = {}
    budget = problem.trials * problem.most
    while budget > 0:
        decision = algorithm.suggest(MemoryHistory(trials.values()), limit=at_once)
        for suggestion in decision.suggestions:
            budget -= _charge(suggestion, trials, problem)
            if budget >= 0:
                trials[suggestion.index] = _done(suggestion, problem)
        if decision.finished:
            break
    return min(trial.metrics["loss"] for trial in trials.values())


def _charge(suggestion: Suggestion, trials: dict[int, Trial], problem: Problem) -> int:
    had = 0 if suggestion.parent is None else trials[suggestion.parent].params["epochs"]
    return int(suggestion.params.get("epochs", problem.most)) - had


def _done(suggestion: Suggestion, problem: Problem) -> Trial:
    loss = problem.loss(suggestion.params, int(suggestion.params.get("epochs", problem.most)))
    return Trial(
        suggestion.index,
        suggestion.params,
        TrialState.SUCCEEDED,
        {"loss": loss},
        stage=suggestion.stage,
        parent=suggestion.parent,
        numbers=suggestion.numbers,
    )


def _bo(problem: Problem) -> dict[str, Any]:
    return {"bo": {"n_initial_trials": 10, "n_iterations": problem.trials - 10, "metric": _METRIC}}


def _tpe(problem: Problem) -> dict[str, Any]:
    return {"tpe": {"n_experiments": problem.trials, "metric": _METRIC}}


def _asha(problem: Problem) -> dict[str, Any]:
    section = {"n_experiments": 10_000, "max_iter": problem.most, "eta": 3, "resource": _RESOURCE, "metric": _METRIC}
    return {"asha": {**section, "resume": True}}


CONTESTANTS = [
    Contestant("Optuna, random", _optuna(lambda seed: optuna.samplers.RandomSampler(seed=seed))),
    Contestant("Optuna, TPE", _optuna(lambda seed: optuna.samplers.TPESampler(seed=seed))),
    Contestant("ours, tpe", _ours(_tpe)),
    Contestant("ours, bo", _ours(_bo)),
    Contestant("ours, bo, 4 at a time", _ours(_bo, at_once=4)),
    Contestant("ours, asha", _ours(_asha), by_resource=True),
]


def _run(job: tuple[int, int, int]) -> float:
    problem, contestant, seed = job
    return CONTESTANTS[contestant].run(PROBLEMS[problem], seed)


def main(*, quick: bool = False) -> None:
    seeds = QUICK_SEEDS if quick else SEEDS
    print(f"Least loss found with a budget, median (quartiles) of {seeds} seeds.\n")
    print("| problem | budget | " + " | ".join(each.name for each in CONTESTANTS) + " |")
    print("|---" * (len(CONTESTANTS) + 2) + "|", flush=True)
    start = time.monotonic()
    os.environ.update(_ONE_THREAD)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for number, problem in enumerate(PROBLEMS):
            cells = [
                _cell(list(pool.map(_run, [(number, place, seed) for seed in range(seeds)])))
                if problem.most > 1 or not contestant.by_resource
                else "-"
                for place, contestant in enumerate(CONTESTANTS)
            ]
            print(f"| {problem.name} | {_budget(problem)} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{time.monotonic() - start:.0f} s")


def _budget(problem: Problem) -> str:
    whole = f"{problem.trials} trials"
    return whole if problem.most == 1 else f"{whole} of {problem.most} epochs"


def _cell(found: list[float]) -> str:
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return f"{middle:.4f} ({low:.4f} … {high:.4f})"
