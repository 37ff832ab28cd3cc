"""The searches whose cost is measured."""

from __future__ import annotations

from typing import Any

METRIC = {"name": "loss", "optimization": "minimize"}
RESOURCE = {"name": "epochs", "type": "int"}
LATE = 100  # of the last trials
INITIAL = 10  # of a Bayesian optimisation


def hptuning(algorithm: str, trials: int, concurrency: int) -> dict[str, Any]:
    """The section of a search of about so many trials."""
    matrix: dict[str, Any] = {"lr": {"loguniform": [-9, 0]}, "dropout": {"uniform": [0, 1]}}
    if algorithm == "grid":
        matrix = {"lr": {"linspace": [0, 1, trials // 10]}, "layers": {"range": [0, 10, 1]}}
    rungs = {"max_iter": 81, "eta": 3, "resource": RESOURCE, "metric": METRIC}
    sections: dict[str, Any] = {
        "grid": {},
        "random": {"random_search": {"n_experiments": trials}},
        "qmc": {"qmc": {"n_experiments": trials}},
        "tpe": {"tpe": {"n_experiments": trials, "metric": METRIC}},
        "cma_es": {"cma_es": {"n_experiments": trials, "metric": METRIC}},
        "bo": {"bo": {"n_initial_trials": INITIAL, "n_iterations": trials - INITIAL, "metric": METRIC}},
        "hyperband": {"hyperband": {**rungs, "max_iter": 243 if trials >= 500 else 9}},
        "asha": {"asha": {**rungs, "n_experiments": trials * 2 // 3}},
    }
    return {"matrix": matrix, "seed": 1, "concurrency": concurrency, **sections[algorithm]}
