"""What searches are compared on. Less is better everywhere."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

Params = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """A matrix, the same space as Optuna has it, and a loss.

    With `most` a trial takes a resource of 1 to `most` units and `loss` is asked for what it has given by then.
    """

    name: str
    matrix: dict[str, Any]
    suggest: Callable[[optuna.Trial], Params]
    loss: Callable[[Params, int], float]
    trials: int
    most: int = 1


def branin(params: Params, _: int) -> float:
    """Least value 0.397887."""
    x, y = params["x"], params["y"]
    bend = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_ALPHA = np.array([1, 1.2, 3, 3.2])


def hartmann6(params: Params, _: int) -> float:
    """Least value -3.32237."""
    x = np.array([params[f"x{i}"] for i in range(6)])
    return -float(_ALPHA @ np.exp(-np.sum(_A * (x - _P) ** 2, axis=1)))


def mixed(params: Params, _: int) -> float:
    """As the settings of a training run might matter: where the best rate lies depends on a category. Least value 0."""
    best_rate = {"sgd": -1.5, "adam": -3.0, "rmsprop": -3.5}[params["optimizer"]]
    off = {"sgd": 0.15, "adam": 0.0, "rmsprop": 0.1}[params["optimizer"]]
    rate = (math.log10(params["rate"]) - best_rate) ** 2
    depth = 0.05 * (params["depth"] - 4) ** 2
    width = 0.1 * (math.log2(params["width"]) - 7) ** 2
    dropout = 2 * (params["dropout"] - 0.05 * params["depth"]) ** 2
    return off + rate + depth + width + dropout + (0.2 if params["norm"] != "layer" else 0.0)


@cache
def _digits() -> tuple[Any, Any, Any, Any]:
    data = load_digits()
    train, test, labels, answers = train_test_split(data.data / 16, data.target, test_size=0.4, random_state=0)
    return train, test, labels, answers


def digits(params: Params, epochs: int) -> float:
    """Cross-entropy on held-out images of a small network after some epochs."""
    train, test, labels, answers = _digits()
    network = MLPClassifier(
        hidden_layer_sizes=(params["width"],),
        activation=params["activation"],
        solver=params["solver"],
        learning_rate_init=params["rate"],
        alpha=params["alpha"],
        batch_size=params["batch"],
        random_state=0,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            for _ in range(epochs):
                network.partial_fit(train, labels, classes=range(10))
            found = float(log_loss(answers, network.predict_proba(test), labels=range(10)))
        except ValueError:  # it has diverged
            found = math.nan
    return min(found, 10.0) if math.isfinite(found) else 10.0


def _suggest_mixed(trial: optuna.Trial) -> Params:
    return {
        "rate": trial.suggest_float("rate", 1e-5, 1.0, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "depth": trial.suggest_int("depth", 1, 8),
        "width": trial.suggest_categorical("width", [16, 32, 64, 128, 256, 512]),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"]),
        "norm": trial.suggest_categorical("norm", ["none", "batch", "layer"]),
    }


def _suggest_digits(trial: optuna.Trial) -> Params:
    return {
        "rate": trial.suggest_float("rate", 1e-4, 1.0, log=True),
        "alpha": trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        "width": trial.suggest_int("width", 8, 64, step=8),
        "batch": trial.suggest_categorical("batch", [16, 32, 64, 128]),
        "activation": trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        "solver": trial.suggest_categorical("solver", ["sgd", "adam"]),
    }


PROBLEMS = [
    Problem(
        "Branin",
        {"x": {"uniform": [-5, 10]}, "y": {"uniform": [0, 15]}},
        lambda trial: {"x": trial.suggest_float("x", -5, 10), "y": trial.suggest_float("y", 0, 15)},
        branin,
        60,
    ),
    Problem(
        "Hartmann-6",
        {f"x{i}": {"uniform": [0, 1]} for i in range(6)},
        lambda trial: {f"x{i}": trial.suggest_float(f"x{i}", 0, 1) for i in range(6)},
        hartmann6,
        60,
    ),
    Problem(
        "mixed",
        {
            "rate": {"loguniform": [math.log(1e-5), 0]},
            "dropout": {"uniform": [0, 0.6]},
            "depth": {"range": [1, 9, 1]},
            "width": {"values": [16, 32, 64, 128, 256, 512]},
            "optimizer": {"values": ["sgd", "adam", "rmsprop"]},
            "norm": {"values": ["none", "batch", "layer"]},
        },
        _suggest_mixed,
        mixed,
        60,
    ),
    Problem(
        "digits",
        {
            "rate": {"loguniform": [math.log(1e-4), 0]},
            "alpha": {"loguniform": [math.log(1e-6), 0]},
            "width": {"range": [8, 72, 8]},
            "batch": {"values": [16, 32, 64, 128]},
            "activation": {"values": ["relu", "tanh", "logistic"]},
            "solver": {"values": ["sgd", "adam"]},
        },
        _suggest_digits,
        digits,
        30,
        most=9,
    ),
]
