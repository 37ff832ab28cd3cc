"""New points by number, however many are asked for and when."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from hpsearch import SearchSpace
from hpsearch.draws import Draws, Independent, Permuted, Redrawn, draws
from hpsearch.permutation import Permutation
from polyaxon_schemas.matrix import MatrixParam


def space(**options: Any) -> SearchSpace:
    return SearchSpace.from_matrix({name: MatrixParam.model_validate(option) for name, option in options.items()})


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 1000])
def test_a_permutation_holds_every_number_once(size: int) -> None:
    order = Permutation(size, "key")
    assert sorted(order[index] for index in range(size)) == list(range(size))
    with pytest.raises(IndexError):
        order[size]


def test_permutations_of_few_are_evenly_spread_over_their_keys() -> None:
    """Each of 12 numbers comes first as often as any other, and so does each pair (chi-squared at 0.1%)."""
    orders = [Permutation(12, str(key)) for key in range(6000)]
    first = Counter(order[0] for order in orders)
    pairs = Counter((order[0], order[1]) for order in orders)
    assert sum((first[i] - 500) ** 2 / 500 for i in range(12)) < 31.3
    expected = 6000 / 132
    assert sum((pairs[i, j] - expected) ** 2 / expected for i in range(12) for j in range(12) if i != j) < 185


def test_a_permutation_of_more_than_memory_holds() -> None:
    order = Permutation(10**500, "key")
    assert len({order[index] for index in range(100)}) == 100
    assert order[10**499] < 10**500


WIDE = {"range": "0:1000000000000:1"}
KINDS: list[tuple[dict[str, Any], type[Draws]]] = [
    ({"a": {"values": [1, 2]}, "b": WIDE, "c": WIDE}, Permuted),
    ({"a": {"uniform": "3:3"}, "b": {"range": "0:100:1"}}, Permuted),
    ({"a": {"uniform": "0:1"}, "b": {"values": [1, 2]}}, Independent),
    ({"a": {"loguniform": "-9:-1"}, "b": {"pvalues": [["x", 0.5], ["y", 0.5]]}}, Independent),
    ({"a": {"normal": "0:1"}}, Independent),
    ({"a": {"lognormal": "0:1"}}, Independent),
    ({"a": {"pvalues": [["x", 0.9], ["y", 0.1]]}, "b": {"range": "0:100:1"}}, Redrawn),
    ({"a": {"quniform": "0:1:0.01"}}, Redrawn),
    ({"a": {"qnormal": "0:100:1"}}, Redrawn),
]
# Continuous by name, but with few floats, or with many draws at the end of the floats.
NARROW = [
    {"uniform": [1, 1 + 2**-50]},
    {"normal": [1, 1e-15]},
    {"lognormal": [600, 400]},
    {"loguniform": [-2000, 1]},
    {"loguniform": [1, 1 + 2**-40]},
    {"normal": [1.7e308, 1e308]},
]


@pytest.mark.parametrize(("options", "kind"), [*KINDS, *[({"a": option}, Redrawn) for option in NARROW]])
def test_points_depend_on_seed_and_number_alone(options: dict[str, Any], kind: type[Draws]) -> None:
    made = space(**options)
    source = draws(made, 3)
    assert type(source) is kind
    found = [source.point(index) for index in range(50)]
    known = [point for point in found if point is not None]
    assert source.count(50) == len(known)
    assert len({json.dumps(point) for point in known}) == len(known) > 1
    backwards = draws(SearchSpace(made.dimensions), 3)
    assert [backwards.point(index) for index in reversed(range(50))] == found[::-1]
    assert draws(made, 4).point(0) != found[0] or draws(made, 4).point(1) != found[1]


def test_what_few_floats_allow_is_used_up() -> None:
    source = draws(space(a={"uniform": [1, 1 + 2**-50]}), 0)
    assert 2 <= source.count(1000) <= 5


def test_points_go_round_when_they_are_used_up() -> None:
    source = draws(space(a={"values": [1, 2, 3]}), 0)
    found = [source.round_robin(index)["a"] for index in range(7)]
    assert sorted(found[:3]) == [1, 2, 3]
    assert found[3:] == [*found[:3], found[0]]


def test_equal_spaces_share_what_was_drawn() -> None:
    options: dict[str, Any] = {"a": {"pvalues": [["x", 0.9], ["y", 0.1]]}, "b": {"range": "0:100:1"}}
    turned = dict(reversed(options.items()))
    assert draws(space(**options), 1) is draws(space(**options), 1)
    assert draws(space(**options), 1) is not draws(space(**options), 2)
    assert draws(space(**options), 1) is not draws(space(**turned), 1)
    assert draws(SearchSpace(space(**options).dimensions), 1) is not draws(space(**options), 1)


@pytest.mark.parametrize(("options", "kind"), [(options, kind) for options, kind in KINDS if kind is not Redrawn])
def test_a_late_point_costs_no_more_than_an_early_one(options: dict[str, Any], kind: type[Draws]) -> None:
    source = draws(space(**options), 0)
    last = 10**9 if source.total is None else min(10**9, source.total - 1)

    def seconds(points: Iterable[int]) -> float:
        start = time.process_time()
        assert all(source.point(index) is not None for index in points)
        return time.process_time() - start

    early = seconds(range(100))
    assert seconds(range(last, last - 100, -1)) < 50 * early + 0.1


def test_points_of_weights_are_drawn_once() -> None:
    """Asking for the next chunk does not draw those before it again."""
    made = space(a={"pvalues": [["x", 0.9], ["y", 0.1]]}, b={"range": "0:100000:1"})
    source = draws(made, 0)
    source.count(2000)
    calls = 0
    sample = made.sample

    def counted(rng: Any) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        return sample(rng)

    source._space = made  # type: ignore[attr-defined]
    made.sample = counted  # type: ignore[method-assign]
    assert source.count(2010) == 2010
    assert 10 <= calls < 100
