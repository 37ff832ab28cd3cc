"""Grid and random search."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from hpsearch import UnsupportedAlgorithm, create_algorithm
from hpsearch.factory import MODULES
from polyaxon_schemas.hptuning import ALGORITHMS, HpTuning
from tests.hpsearch.contract import MIXED, AlgorithmContract
from tests.hpsearch.driving import drive, points


class TestGrid(AlgorithmContract):
    asks_narrowly = True
    uses_seed = False

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix)}


class TestCappedGrid(AlgorithmContract):
    asks_narrowly = True
    uses_seed = False

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "grid_search": {"n_experiments": 5}}


class TestRandom(AlgorithmContract):
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "random_search": {"n_experiments": 8}}


class TestExhaustiveRandom(AlgorithmContract):
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "random_search": {"n_experiments": 500}}


def random_search(
    matrix: dict[str, Any], n: int, seed: int = 5, *, seed_in_file: int | None = None
) -> dict[int, dict[str, Any]]:
    settings = {"matrix": matrix, "random_search": {"n_experiments": n}, "seed": seed_in_file}
    return points(drive(create_algorithm(HpTuning.model_validate(settings), seed=seed)))


def test_the_last_key_of_a_grid_varies_fastest() -> None:
    grid = create_algorithm(HpTuning.model_validate({"matrix": MIXED}), seed=0)
    found = [tuple(point.values()) for point in points(drive(grid)).values()]
    assert found[:7] == [
        (True, 1, "a"), (True, 1, "b"), (True, 2, "a"), (True, 2, "b"), (True, 3, "a"), (True, 3, "b"),
        (False, 1, "a"),
    ]  # fmt: skip
    assert len(found) == 12


def test_equal_values_give_one_point() -> None:
    matrix = {"a": {"values": [1, 1, 2, True, 1.0, "1", 2]}}
    grid = create_algorithm(HpTuning.model_validate({"matrix": matrix}), seed=0)
    found = [point["a"] for point in points(drive(grid)).values()]
    assert [(type(value), value) for value in found] == [(int, 1), (int, 2), (bool, True), (float, 1.0), (str, "1")]


def test_a_grid_of_any_size_gives_its_first_points_at_once() -> None:
    matrix = {name: {"range": "0:1000000000:1"} for name in "abc"}
    settings = {"matrix": matrix, "grid_search": {"n_experiments": 3}}
    start = time.process_time()
    found = points(drive(create_algorithm(HpTuning.model_validate(settings), seed=0)))
    assert [point["c"] for point in found.values()] == [0, 1, 2]
    assert time.process_time() - start < 30  # not the years that 10**27 points take


def test_a_point_does_not_depend_on_how_many_there_are() -> None:
    matrix = {"lr": {"loguniform": "-7:-1"}, "depth": {"range": "1:9:1"}}
    few, many = random_search(matrix, 5), random_search(matrix, 50)
    assert few == {index: many[index] for index in range(5)}


def test_the_seed_of_the_file_wins() -> None:
    matrix = {"x": {"uniform": "0:1"}}
    assert random_search(matrix, 3, 1) != random_search(matrix, 3, 2)
    assert random_search(matrix, 3, 1, seed_in_file=0) == random_search(matrix, 3, 2, seed_in_file=0)


@pytest.mark.parametrize(
    ("matrix", "size"),
    [
        ({"a": {"quniform": "0:1:0.25"}}, 4),
        ({"a": {"qloguniform": "0:2:1"}}, 7),
        ({"a": {"pvalues": [["x", 0.999], ["y", 0.001], ["z", 0]]}}, 2),
        ({"a": {"pvalues": [["x", 0.5], ["z", 0]]}}, 2),
        ({"a": {"values": [1, 1, 1]}, "b": {"values": ["x", "x"]}}, 1),
        ({"a": {"uniform": "3:3"}}, 1),
        ({"a": {"normal": "3:0"}}, 1),
        ({"a": {"qnormal": "3:0:2"}}, 1),
        ({"a": {"range": "0:30:1"}, "b": {"range": "0:30:1"}}, 900),
    ],
)
def test_a_small_space_is_used_up_and_then_ends(matrix: dict[str, Any], size: int) -> None:
    assert len(random_search(matrix, 1000)) == size


def test_a_quantised_space_without_bounds_ends() -> None:
    found = random_search({"a": {"qnormal": "0:1:10"}}, 100)
    assert {-10, 0} <= {point["a"] for point in found.values()}
    assert len(found) < 10


def test_many_points_take_little_time() -> None:
    start = time.process_time()
    found = random_search({"x": {"uniform": "0:1"}, "d": {"range": "0:1000000000:1"}}, 3000)
    assert len(found) == 3000
    assert time.process_time() - start < 20


def test_every_algorithm_of_the_file_is_there() -> None:
    assert set(MODULES) == set(ALGORITHMS)


def test_an_algorithm_without_a_module_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.factory.MODULES", {"grid_search": "hpsearch.grid", "asha": "hpsearch.asha"})
    with pytest.raises(UnsupportedAlgorithm, match=r"random_search is not supported yet; use grid_search or asha$"):
        random_search({"a": {"values": [1]}}, 1)
