"""What holds for every algorithm that models the trials so far, and for the quasi-random ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hpsearch.contract import AlgorithmContract

LOSS = {"name": "loss", "optimization": "minimize"}
NUMBERS: dict[str, Any] = {
    "width": {"values": [4, 1, 2]},
    "depth": {"range": [1, 4, 1]},
    "rate": {"logspace": "-3:-1:3"},
}


class TestBayesian(AlgorithmContract):
    learns_from_others = True
    cut_every = 4
    workers = (1, 3)
    orders = 1

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "bo": {"n_initial_trials": 4, "n_iterations": 50, "metric": LOSS}}


class TestTpe(AlgorithmContract):
    learns_from_others = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        section = {"n_experiments": 10, "metric": LOSS, "n_startup_trials": 4, "multivariate": False}
        return {"matrix": dict(matrix), "tpe": section}


class TestMultivariateTpe(AlgorithmContract):
    learns_from_others = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        section = {"n_experiments": 50, "metric": LOSS, "n_startup_trials": 0}
        return {"matrix": dict(matrix), "tpe": section}


class TestCmaEs(AlgorithmContract):
    matrix = NUMBERS
    learns_from_others = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "cma_es": {"n_experiments": 20, "metric": LOSS}}


class TestCmaEsOfTwo(TestCmaEs):
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        section = {"n_experiments": 50, "metric": {"name": "accuracy"}, "population_size": 2, "sigma": 0.5}
        return {"matrix": dict(matrix), "cma_es": section}


class TestSobol(AlgorithmContract):
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "qmc": {"n_experiments": 9}}


class TestHalton(AlgorithmContract):
    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "qmc": {"n_experiments": 500, "sequence": "halton"}}


class TestPlainSobol(AlgorithmContract):
    uses_seed = False

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "qmc": {"n_experiments": 8, "scramble": False}}


class TestNsga2(AlgorithmContract):
    learns_from_others = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        metrics = [LOSS, {"name": "accuracy"}]
        return {"matrix": dict(matrix), "nsga2": {"n_experiments": 11, "metrics": metrics, "population_size": 3}}


class TestNsga2OfOneMetric(AlgorithmContract):
    learns_from_others = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "nsga2": {"n_experiments": 50, "metrics": [LOSS], "population_size": 2}}
