"""What quasi-random search holds to besides the contract."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scipy.stats import qmc

from hpsearch import MemoryHistory, Trial, TrialState, create_algorithm
from polyaxon_schemas.hptuning import HpTuning
from tests.hpsearch.driving import drive, points

UNIT = {"x": {"uniform": "0:1"}, "y": {"uniform": "0:1"}}


def search(matrix: dict[str, Any], n: int, seed: int = 3, **more: Any) -> list[dict[str, Any]]:
    return list(points(drive(algorithm(matrix, n, seed, **more))).values())


def algorithm(matrix: dict[str, Any], n: int, seed: int = 3, **more: Any) -> Any:
    return create_algorithm(HpTuning.model_validate({"matrix": matrix, "qmc": {"n_experiments": n, **more}}), seed=seed)


@pytest.mark.parametrize("sequence", ["sobol", "halton"])
@pytest.mark.parametrize("scramble", [True, False])
def test_points_are_more_even_than_random_ones(sequence: str, scramble: bool) -> None:
    found = np.array([list(point.values()) for point in search(UNIT, 256, sequence=sequence, scramble=scramble)])
    random = np.random.default_rng(0).random((256, 2))
    assert qmc.discrepancy(found) < qmc.discrepancy(random) / 5


def test_the_sequence_is_the_library_one() -> None:
    found = np.array([list(point.values()) for point in search(UNIT, 600, scramble=False)])
    assert found[:600] == pytest.approx(qmc.Sobol(2, scramble=False).random(1024)[:600])


def test_levels_are_used_evenly() -> None:
    found = [point["kind"] for point in search({**UNIT, "kind": {"values": ["a", "b", "c", "d"]}}, 64)]
    assert {kind: found.count(kind) for kind in "abcd"} == dict.fromkeys("abcd", 16)


def test_a_finite_space_is_used_up_without_repetition() -> None:
    matrix = {"a": {"range": "0:9:1"}, "b": {"range": "0:7:1"}, "c": {"pvalues": [["x", 0.999], ["y", 0.001]]}}
    found = [tuple(point.values()) for point in search(matrix, 1000)]
    assert len(found) == len(set(found)) == 126


def test_a_late_point_costs_no_more_than_an_early_one() -> None:
    made = algorithm(UNIT, 20_000)
    trials = [Trial(i, {"x": 0.5, "y": 0.5}, TrialState.SUCCEEDED) for i in range(19_000)]
    early, late = MemoryHistory(trials[:10] + trials[11:]), MemoryHistory(trials)

    def least(history: MemoryHistory, index: int) -> float:
        taken = []
        for _ in range(5):
            start = time.thread_time()
            assert made.suggest(history, limit=1).suggestions[0].index == index
            taken.append(time.thread_time() - start)
        return min(taken)

    assert least(late, 19_000) < 10 * least(early, 10)


def test_the_ends_of_a_normal_parameter_are_finite() -> None:
    found = search({"x": {"normal": "0:1"}, "y": {"lognormal": "0:1"}}, 8, scramble=False)
    assert all(abs(point["x"]) < 7 and 0 < point["y"] < 1000 for point in found)
