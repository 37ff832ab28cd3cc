"""The same with Optuna, its storage on the Postgres of the environment: `… SAMPLER TRIALS`.

Its grid chooses a point when it is asked for a trial, the others when the trial asks for a parameter.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import optuna
import psycopg2

from bench.search_cost_space import LATE


def storage() -> optuna.storages.RDBStorage:
    """On a database of its own."""
    url, name = os.environ["BENCH_POSTGRES"], f"optuna{time.time_ns()}"
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    address = url.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg2://")
    return optuna.storages.RDBStorage(f"{address}/{name}")


def sampler(name: str, trials: int) -> optuna.samplers.BaseSampler:
    if name == "grid":
        count = trials // 10
        space = {"lr": [place / max(count - 1, 1) for place in range(count)], "layers": list(range(10))}
        return optuna.samplers.GridSampler(space, seed=1)
    return optuna.samplers.RandomSampler(seed=1) if name == "random" else optuna.samplers.TPESampler(seed=1)


def suggested(name: str) -> Callable[[optuna.Trial], float]:
    """Has the trial suggest its parameters; one of them."""

    def grid(trial: optuna.Trial) -> float:
        trial.suggest_int("layers", 0, 9)
        return trial.suggest_float("lr", 0, 1)

    def continuous(trial: optuna.Trial) -> float:
        trial.suggest_float("dropout", 0, 1)
        return trial.suggest_float("lr", 1e-4, 1, log=True)

    return grid if name == "grid" else continuous


def measure(name: str, trials: int) -> dict[str, float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage(), sampler=sampler(name, trials))
    suggest, ends, suggestion = suggested(name), [time.perf_counter()], []

    def objective(trial: optuna.Trial) -> float:
        begin = time.perf_counter()
        value = suggest(trial)
        suggestion.append(1000 * (time.perf_counter() - begin))
        return value

    study.optimize(objective, n_trials=trials, callbacks=[lambda *_: ends.append(time.perf_counter())])
    whole = [1000 * (end - before) for before, end in pairwise(ends)]
    rest = [each - own for each, own in zip(whole, suggestion, strict=True)]
    return {
        "rest": statistics.median(rest),
        "rest_late": statistics.median(rest[-LATE:]),
        "suggestion": statistics.mean(suggestion),
        "suggestion_late": statistics.mean(suggestion[-LATE:]),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
