"""Points as codes and features, and back."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import SearchSpace
from hpsearch.encoding import Encoding
from polyaxon_schemas.matrix import MatrixParam
from tests.hpsearch.test_space import OPTIONS


def encoding(**matrix: Any) -> Encoding:
    return Encoding(SearchSpace.from_matrix({name: MatrixParam.model_validate(each) for name, each in matrix.items()}))


def codes(option: dict[str, Any], values: list[Any]) -> list[float | None]:
    axis = encoding(x=option).axes["x"]
    return [axis.code(value) for value in values]


@pytest.mark.parametrize(
    ("option", "values", "expected"),
    [
        ({"values": [8, 1, 64]}, [1, 8, 64, 36, 0, 65, True, "8", None], [0, 1, 2, 1.5, None, None, None, None, None]),
        ({"values": ["a", 1, True]}, ["a", 1, True, 1.0, "b"], [0, 1, 2, None, None]),
        ({"values": [1, 1.0, 2]}, [1, 1.0, 2], [0, 1, 2]),
        ({"pvalues": [[3, 0.1], [1, 0.9]]}, [1, 3], [0, 1]),
        ({"range": "0:10:2"}, [0, 4, 8, 10, 5], [0, 2, 4, None, 2.5]),
        ({"range": "0:1000000000000:1"}, [0, 999_999_999_999, 12_345], [0, 999_999_999_999, 12_345]),
        ({"linspace": "0:1:3"}, [0.0, 0.5, 1.0], [0, 1, 2]),
        ({"logspace": "-3:-1:3"}, [0.001, 0.01, 0.1, 0.2], [0, 1, 2, None]),
        ({"logspace": "0:3:4:0.5"}, [1.0, 0.5, 0.125], [3, 2, 0]),
        ({"geomspace": "-8:-1:4"}, [-8.0, -1.0], [0, 3]),
        ({"uniform": "-1:3"}, [-1, 0, 3, 3.1, math.inf, math.nan], [0, 0.25, 1, None, None, None]),
        ({"loguniform": [math.log(1), math.log(100)]}, [1, 10, 100, 0], [0, 0.5, 1, None]),
        ({"quniform": "0:1:0.25"}, [0.0, 0.75, 1.0], [0, 3, None]),
        ({"normal": "2:3"}, [2, 2 + 3 * 1.959964], [0.5, 0.975]),
        ({"lognormal": "0:1"}, [1, -1], [0.5, 0.0]),
        ({"qnormal": "0:1:1"}, [0], [(0.5 + 0.841345) / 2]),
        ({"uniform": "-1.7e308:1.7e308"}, [0], [0.5]),
    ],
)
def test_codes(option: dict[str, Any], values: list[Any], expected: list[float | None]) -> None:
    found = codes(option, values)
    assert [code is None for code in found] == [code is None for code in expected]
    assert [code for code in found if code is not None] == pytest.approx(
        [code for code in expected if code is not None], abs=1e-5
    )


def test_features_lie_between_0_and_1_and_categories_have_a_column_each() -> None:
    made = encoding(a={"values": [5, 1, 3]}, only={"values": [7]}, kind={"values": ["x", "y"]}, u={"uniform": "0:2"})
    found = [made.codes({"a": a, "only": 7, "kind": kind, "u": u}) for a, kind, u in [(1, "y", 0.5), (5, "x", 2)]]
    assert made.features(np.array(found)).tolist() == [[0, 0, 1, 0.25], [1, 1, 0, 1]]


def test_multiples_far_out_stay_different() -> None:
    """`exp(28)` to `exp(29)` by 1 has more of them than twelve digits tell apart."""
    made = encoding(x={"qloguniform": [28.0, 29.0, 1.0]})
    first = made.point(made.at([0.0]))
    assert first == {"x": float(math.floor(math.exp(28)))}
    assert made.codes(first) is not None


def test_a_point_that_lacks_a_parameter_has_no_codes() -> None:
    assert encoding(a={"values": [1]}, b={"uniform": "0:1"}).codes({"a": 1}) is None


def test_shares_follow_the_distribution() -> None:
    axis = encoding(x={"pvalues": [["rare", 0.1], ["common", 0.9]]}).axes["x"]
    assert [axis.value(axis.at(share)) for share in (0, 0.09, 0.11, 1)] == ["rare", "rare", "common", "common"]
    axis = encoding(x={"range": "0:4:1"}).axes["x"]
    assert [axis.value(axis.at(share)) for share in (0, 0.3, 0.51, 0.999, 1)] == [0, 1, 2, 3, 3]


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.text(min_size=1, max_size=3), OPTIONS, min_size=1, max_size=3), st.data())
def test_every_place_of_the_cube_is_a_point_of_the_space(matrix: dict[str, Any], data: st.DataObject) -> None:
    space = SearchSpace.from_matrix({name: MatrixParam.model_validate(each) for name, each in matrix.items()})
    made = Encoding(space)
    shares = [data.draw(st.floats(0, 1)) for _ in matrix]
    point = made.point(made.at(shares))
    assert list(point) == list(matrix)
    assert json.loads(json.dumps(point, allow_nan=False)) == point
    for name, value in point.items():
        levels = space.dimensions[name].levels
        assert levels is None or len(levels) > 2000 or value in list(levels)
    known = made.codes(point)
    assert known is not None
    assert np.all((made.features(np.array([known])) >= 0) & (made.features(np.array([known])) <= 1))
    again = made.point(known)
    for name, value in point.items():
        assert again[name] == value or math.isclose(again[name], value, rel_tol=1e-6, abs_tol=1e-6)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.text(min_size=1, max_size=3), OPTIONS, min_size=1, max_size=3), st.integers(0, 2**32))
def test_every_draw_has_codes(matrix: dict[str, Any], seed: int) -> None:
    space = SearchSpace.from_matrix({name: MatrixParam.model_validate(each) for name, each in matrix.items()})
    point = space.sample(np.random.default_rng(seed))
    made = Encoding(space)
    known = made.codes(point)
    assert known is not None
    for name, value in made.point(known).items():
        dimension = space.dimensions[name]
        if dimension.levels is not None:
            assert value == point[name]
