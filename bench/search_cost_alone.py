"""Samplers alone, over trials in memory: `… tpe|cma_es|bo TRIALS`. Optuna's for TPE and CMA-ES, our own for BO."""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from collections.abc import Iterator

import optuna

from bench.search_cost_space import LATE, hptuning
from hpsearch import MemoryHistory, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning

WARM = 15


def sampler(name: str) -> optuna.samplers.BaseSampler:
    """As our searches have it when their files say nothing."""
    if name == "cma_es":
        return optuna.samplers.CmaEsSampler(seed=1)
    return optuna.samplers.TPESampler(seed=1, multivariate=True, constant_liar=True)


def seconds_of_optuna(name: str, trials: int) -> Iterator[float]:
    """What asking takes. All parameters are told at once, which is quicker than one after the other."""
    study = optuna.create_study(sampler=sampler(name))
    space: dict[str, optuna.distributions.BaseDistribution] = {
        "lr": optuna.distributions.FloatDistribution(2.0**-9, 1, log=True),
        "dropout": optuna.distributions.FloatDistribution(0, 1),
    }
    for _ in range(trials):
        begin = time.perf_counter()
        trial = study.ask(space)
        yield time.perf_counter() - begin
        study.tell(trial, trial.params["lr"])


def seconds_of_ours(name: str, trials: int) -> Iterator[float]:
    algorithm = create_algorithm(HpTuning.model_validate(hptuning(name, trials, 1)), seed=1)
    known: list[Trial] = []
    for index in range(trials):
        begin = time.perf_counter()
        (suggestion,) = algorithm.suggest(MemoryHistory(known), limit=1).suggestions
        yield time.perf_counter() - begin
        loss = {"loss": float(suggestion.params["lr"])}
        known.append(Trial(index, suggestion.params, TrialState.SUCCEEDED, loss, numbers=suggestion.numbers))


def measure(name: str, trials: int) -> dict[str, float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    ask = seconds_of_ours if name == "bo" else seconds_of_optuna
    list(ask(name, WARM))  # what is loaded by the first that needs it
    seconds = list(ask(name, trials))
    return {"suggestion": 1000 * statistics.mean(seconds), "suggestion_late": 1000 * statistics.mean(seconds[-LATE:])}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
