"""Sampling and enumerating every option of the matrix."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import EmptySpace, SearchSpace
from polyaxon_schemas.matrix import MatrixParam

DRAWS = 2000


def space(**options: Any) -> SearchSpace:
    return from_matrix(options)


def from_matrix(matrix: dict[str, Any]) -> SearchSpace:
    return SearchSpace.from_matrix({name: MatrixParam.model_validate(option) for name, option in matrix.items()})


def draws(option: dict[str, Any], count: int = DRAWS) -> list[Any]:
    rng = np.random.default_rng(1)
    made = space(x=option)
    return [made.sample(rng)["x"] for _ in range(count)]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ({"values": [3, "a", True]}, [3, "a", True]),
        ({"range": "1:10:3"}, [1, 4, 7]),
        ({"range": "0:0.3:0.1"}, [0.0, 0.1, 0.2]),
        ({"range": "1:1.3:0.1"}, [1.0, 1.1, 1.2]),
        ({"linspace": "0:1:5"}, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ({"linspace": "2:5:1"}, [2.0]),
        ({"logspace": "-4:-1:4"}, [0.0001, 0.001, 0.01, 0.1]),
        ({"logspace": "0:3:4:2"}, [1.0, 2.0, 4.0, 8.0]),
        ({"geomspace": "1:1000:4"}, [1.0, 10.0, 100.0, 1000.0]),
        ({"geomspace": "1e-200:1e200:3"}, [1e-200, 1.0, 1e200]),
        ({"linspace": "-1.7e308:1.7e308:3"}, [-1.7e308, 0.0, 1.7e308]),
        ({"geomspace": "-8:-1:4"}, [-8.0, -4.0, -2.0, -1.0]),
        ({"quniform": "0:1:0.25"}, [0.0, 0.25, 0.5, 0.75]),
        ({"quniform": "1:4:1"}, [1, 2, 3]),
    ],
)
def test_the_values_of_an_option(option: dict[str, Any], values: list[Any]) -> None:
    found = [point["x"] for point in space(x=option).grid()]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]
    assert {json.dumps(value) for value in draws(option)} <= {json.dumps(value) for value in found}


@pytest.mark.parametrize(
    ("option", "low", "high", "mean"),
    [
        ({"uniform": "2:4"}, 2, 4, 3),
        ({"uniform": "4:2"}, 2, 4, 3),
        ({"loguniform": [math.log(1), math.log(100)]}, 1, 100, 99 / math.log(100)),
        ({"normal": "5:0.5"}, 2, 8, 5),
        ({"lognormal": "0:0.1"}, 0.5, 2, math.exp(0.005)),
        ({"qnormal": "5:0.5:0.5"}, 2, 8, 4.75),
        ({"qlognormal": "2:0.1:1"}, 4, 12, math.exp(2.005) - 0.5),
        ({"qloguniform": [0, math.log(64), 8]}, 0, 64, None),
    ],
)
def test_distributions(option: dict[str, Any], low: float, high: float, mean: float | None) -> None:
    found = draws(option)
    assert low <= min(found)
    assert max(found) <= high
    if mean is not None:
        assert np.mean(found) == pytest.approx(mean, rel=0.07)


def test_quantised_values_are_multiples_and_rounded_down() -> None:
    assert all(value % 8 == 0 for value in draws({"qloguniform": [0, 4, 8]}))
    assert {type(value) for value in draws({"quniform": "0:9:2"})} == {int}
    assert set(draws({"quniform": "0:1:0.6"})) == {0.0, 0.6}


def test_probabilities_are_kept_and_the_rest_goes_to_the_last() -> None:
    found = draws({"pvalues": [["a", 0.2], ["b", 0.3], ["c", 0.1]]}, 5000)
    assert found.count("a") / 5000 == pytest.approx(0.2, abs=0.03)
    assert found.count("c") / 5000 == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    "option",
    [
        {"qlognormal": [700, 50, 0.01]},
        {"qloguniform": [0, 700, 0.001]},
        {"lognormal": [600, 400]},
        {"uniform": [-1.7e308, 1.7e308]},
        {"quniform": [-1.7e308, 1.7e308, 0.1]},
        {"normal": [1.7e308, 1e308]},
    ],
)
def test_draws_stay_finite_at_the_end_of_the_floats(option: dict[str, Any]) -> None:
    found = draws(option, 200)
    assert all(math.isfinite(value) for value in found)
    assert len(set(found)) > 1


def test_grid_and_size() -> None:
    made = space(b={"values": [1, 2]}, a={"range": "0:3:1"})
    assert made.size == 6
    assert list(made.grid())[:4] == [{"b": 1, "a": 0}, {"b": 1, "a": 1}, {"b": 1, "a": 2}, {"b": 2, "a": 0}]
    assert made.point(5) == {"b": 2, "a": 2}
    assert list(made.point(5)) == ["b", "a"]


def test_a_continuous_space_cannot_be_counted() -> None:
    made = space(a={"uniform": "0:1"}, b={"values": [1]})
    assert made.size is None
    with pytest.raises(EmptySpace):
        list(made.grid())
    with pytest.raises(EmptySpace):
        SearchSpace({})


def test_a_free_point_is_found_among_many_taken() -> None:
    made = space(a={"range": "0:50:1"}, b={"range": "0:50:1"})
    keys = [made.key(point) or "" for point in made.grid()]
    rng = np.random.default_rng(0)
    assert made.key(made.free_point(rng, set(keys) - {keys[17]}) or {}) == keys[17]
    assert made.free_point(rng, set(keys)) is None


NUMBERS = st.floats(-50, 50).map(lambda value: round(value, 3))
POSITIVE = st.floats(0.01, 5).map(lambda value: round(value, 3))
SCALARS = st.integers() | st.text() | st.booleans()
COUNTS = st.integers(1, 20)


def option_of(names: str, *arguments: st.SearchStrategy[Any], ascending: bool = False) -> st.SearchStrategy[Any]:
    """One of the options of `names` with drawn arguments; `ascending`: the second is above the first."""

    def build(name: str, first: float, second: float, *rest: float) -> dict[str, Any]:
        return {name: [first, first + second if ascending else second, *rest]}

    return st.builds(build, st.sampled_from(names.split()), *arguments)


OPTIONS = st.one_of(
    st.builds(lambda items: {"values": items}, st.lists(SCALARS, min_size=1, max_size=5)),
    option_of("range", NUMBERS, POSITIVE, POSITIVE, ascending=True),
    option_of("linspace logspace", NUMBERS, POSITIVE, COUNTS, ascending=True),
    option_of("geomspace", POSITIVE, POSITIVE, COUNTS, ascending=True),
    option_of("uniform loguniform", NUMBERS, POSITIVE, ascending=True),
    option_of("quniform qloguniform", NUMBERS, POSITIVE, POSITIVE, ascending=True),
    option_of("normal lognormal", NUMBERS, POSITIVE),
    option_of("qnormal qlognormal", NUMBERS, POSITIVE, POSITIVE),
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.text(min_size=1, max_size=3), OPTIONS, min_size=1, max_size=3), st.integers(0, 2**32))
def test_every_draw_is_of_the_space(matrix: dict[str, Any], seed: int) -> None:
    made = from_matrix(matrix)
    point = made.sample(np.random.default_rng(seed))
    assert point == made.sample(np.random.default_rng(seed))
    assert list(point) == list(matrix)
    assert json.loads(json.dumps(point, allow_nan=False)) == point
    if made.size is not None and made.size <= 200:
        keys = [made.key(each) for each in made.grid()]
        assert len(set(keys)) == len(keys) == made.size
        assert made.key(point) in keys
