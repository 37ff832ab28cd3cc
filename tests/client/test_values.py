from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon_client.workers.values import as_number, json_safe, to_json


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, 1),
        (None, None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([2.5]), 2.5),
        (Decimal("0.25"), 0.25),
        (Fraction(1, 2), 0.5),
        (2**70, float(2**70)),
    ],
)
def test_numbers_of_all_kinds(value: Any, number: float | None) -> None:
    got = as_number(value)
    assert got == number
    assert type(got) in {int, float, type(None)}


class Tensor:
    """What matters of a torch scalar."""

    def item(self) -> float:
        return 1.5


def test_item_is_asked() -> None:
    assert as_number(Tensor()) == 1.5


@pytest.mark.parametrize("value", ["0.5", [1], {}, object(), np.array([1, 2]), 10**400, 1j])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        as_number(value)


def test_non_finite_numbers_travel_as_texts() -> None:
    body = to_json({"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float64("nan")})
    assert json.loads(body) == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": "NaN"}


def test_foreign_objects_become_something_readable() -> None:
    safe = json_safe({"n": np.int64(3), "a": np.array([1, 2]), "p": (1, {2}), 3: Decimal(1)})
    assert safe == {"n": 3, "a": [1, 2], "p": [1, [2]], "3": "1"}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_everything_becomes_strict_json(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    decoded = json.loads(to_json(value).decode("utf-8"), parse_constant=refuse)
    assert isinstance(decoded, type(json_safe(value)))
