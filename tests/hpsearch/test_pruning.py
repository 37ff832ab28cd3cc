"""Stopping running trials that do badly."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.pruning import Curve, percentile, prune
from polyaxon_schemas.hptuning import EarlyStopping


def item(kind: str, *, optimization: str = "maximize", **more: Any) -> EarlyStopping:
    policy = {"kind": kind, "evaluation_interval": 1, **more}
    return EarlyStopping.model_validate({"metric": "score", "optimization": optimization, "policy": policy})


def curve(index: int, values: Sequence[float], *, running: bool = True, first: int = 1) -> Curve:
    return Curve(index, running, [(first + number, value) for number, value in enumerate(values)])


def stopped(policy: EarlyStopping, curves: Sequence[Curve]) -> list[int]:
    return [stop.index for stop in prune(policy, curves)]


RISING = [curve(i, [i, i + 1.0, i + 2.0]) for i in range(5)]  # averages i + 1, bests i + 2


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # The others of trial 0 average 2, 3, 4, 5 and its best is 2; those of 1 average 1, 3, 4, 5 and its best is 3;
        # those of 2 average 1, 2, 4, 5 and its best is 4.
        (item("median"), [0, 1]),
        (item("average"), [0, 1]),
        # The others' bests are 3, 4, 5, 6 and 2, 4, 5, 6 and 2, 3, 5, 6.
        (item("percentile", percentile=25), [0, 1]),
        (item("percentile", percentile=12.5), [0]),
        (item("percentile", percentile=60), [0, 1, 2]),
        (item("truncation", percent=20), [0]),
        (item("truncation", percent=59), [0, 1]),
        (item("truncation", percent=19), []),
        (item("median", min_trials=4), [0, 1]),
        (item("median", min_trials=5), []),
        (item("truncation", percent=40, min_trials=5), []),
        (item("median", warmup_steps=3), [0, 1]),
        (item("median", warmup_steps=4), []),
        (item("median", evaluation_interval=3), [0, 1]),
        (item("median", evaluation_interval=4), []),
    ],
)
def test_policies(policy: EarlyStopping, expected: list[int]) -> None:
    assert stopped(policy, RISING) == expected


@pytest.mark.parametrize("kind", ["median", "average", "percentile", "truncation"])
def test_the_direction_of_the_metric_counts(kind: str) -> None:
    more = {"percentile": {"percentile": 25}, "truncation": {"percent": 20}}.get(kind, {})
    mirrored = [Curve(each.index, True, [(step, -value) for step, value in each.points]) for each in RISING]
    assert stopped(item(kind, optimization="minimize", **more), mirrored) == ([0] if kind == "truncation" else [0, 1])
    assert stopped(item(kind, optimization="minimize", **more), RISING) == ([4] if kind == "truncation" else [3, 4])


def test_a_trial_is_looked_at_where_it_has_come_to_last() -> None:
    """Trial 9 has come to step 7, so with an interval of 3 only steps up to 6 count, also of those further on."""
    others = [curve(i, [1.0] * 6 + [50.0] * 6) for i in range(3)]
    assert stopped(item("median", evaluation_interval=3), [*others, curve(9, [1.0] * 7)]) == []
    assert stopped(item("median", evaluation_interval=3), [*others, curve(9, [0.5] * 6 + [9.0])]) == [9]
    assert stopped(item("median", evaluation_interval=3), [*others, curve(9, [0.5] * 6 + [9.0] * 3)]) == [9]
    assert stopped(item("median", evaluation_interval=3), [*others, curve(9, [0.5] * 5)]) == [9]
    assert stopped(item("median", evaluation_interval=3), [*others, curve(9, [0.5] * 2)]) == []


def test_only_those_that_came_as_far_are_compared_with() -> None:
    short = [curve(i, [9.0, 9.0], running=False) for i in range(5)]
    assert stopped(item("median"), [*short, curve(9, [1.0, 1.0, 1.0])]) == []
    assert stopped(item("median"), [*short, curve(9, [1.0, 1.0])]) == [9]


def test_only_running_trials_are_stopped_and_the_others_still_count() -> None:
    done = [curve(each.index, [value for _, value in each.points], running=False) for each in RISING]
    assert stopped(item("median"), done) == []
    assert stopped(item("median"), [*done[1:], RISING[0]]) == [0]


def test_a_best_value_once_is_enough() -> None:
    """A trial that once was as good as the others' average goes on, however it does now."""
    others = [curve(i, [5.0] * 4) for i in range(3)]
    assert stopped(item("median"), [*others, curve(9, [5.0, 0.0, 0.0, 0.0])]) == []
    assert stopped(item("median"), [*others, curve(9, [4.9, 0.0, 0.0, 0.0])]) == [9]


@pytest.mark.parametrize("kind", ["median", "average", "percentile"])
def test_equals_are_not_stopped(kind: str) -> None:
    more = {"percentile": {"percentile": 90}}.get(kind, {})
    assert stopped(item(kind, **more), [curve(i, [0.1, 0.1, 0.1]) for i in range(7)]) == []


def test_a_stop_says_why() -> None:
    found = prune(item("median"), RISING)[0]
    assert found.reason == "median policy at step 3: best score = 2 is worse than the median average of 4 others, 3.5"
    assert found.numbers == {"step": 3, "best": 2.0, "bar": 3.5, "others": 4, "policy": "median"}
    found = prune(item("average", optimization="minimize"), RISING)[0]
    assert found.reason == "average policy at step 3: best score = 3 is worse than the mean average of 4 others, 2.75"
    found = prune(item("percentile", percentile=12.5), RISING)[0]
    assert found.reason.endswith("best score = 2 is worse than the percentile 12.5 of 4 others, 3.375")
    found = prune(item("truncation", percent=20), RISING)[0]
    assert found.reason == "truncation policy at step 3: best score = 2 is 5 of 5, the worst 1 are stopped"
    assert found.numbers == {"step": 3, "best": 2.0, "rank": 5, "of": 5, "cut": 1, "policy": "truncation"}


INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("policy", "values", "expected"),
    [
        (item("median"), [[-INF], [1], [2], [3]], [0, 1]),
        (item("median"), [[-INF], [-INF], [-INF], [3]], []),
        (item("average"), [[-INF], [1], [2], [3]], [0, 1]),
        (item("average"), [[-INF], [-INF], [-INF], [3]], [0, 1, 2]),
        (item("median"), [[INF], [1], [2], [3], [4]], [1, 2]),
        (item("median"), [[NAN], [1], [2], [3], [4]], [1, 2]),
        (item("percentile", percentile=50), [[-INF], [1], [2], [3]], [0, 1]),
        (item("truncation", percent=25), [[-INF], [1], [2], [3]], [0]),
        (item("average"), [[1.7e308, 1.7e308], [1.7e308, -1.7e308], [1.6e308, 1.6e308], [1.7e308, 1.7e308]], []),
        (item("median"), [[1.7e308] * 3, [1.7e308] * 3, [1.7e308] * 3, [-1.7e308] * 3], [3]),
    ],
)
def test_values_that_are_no_numbers(policy: EarlyStopping, values: list[list[float]], expected: list[int]) -> None:
    """Infinity in the bad direction is as bad as can be; in the good one it is left out, like NaN."""
    found = prune(policy, [curve(i, each) for i, each in enumerate(values)])
    assert [stop.index for stop in found] == expected
    for stop in found:
        json.dumps(stop.numbers, allow_nan=False)


def test_nothing_to_compare() -> None:
    assert prune(item("median"), []) == []
    assert prune(item("median", min_trials=1), [curve(0, [1.0]), curve(1, [])]) == []


@pytest.mark.parametrize(("share", "expected"), [(50, 2.5), (25, 1.75), (99, 3.97), (1, 1.03)])
def test_percentiles(share: float, expected: float) -> None:
    assert percentile([3, 1, 4, 2], share) == pytest.approx(expected)
    assert percentile([-INF, 1], share) == -INF


POLICIES = st.sampled_from(
    [
        item("median"),
        item("average", evaluation_interval=2),
        item("percentile", percentile=70, min_trials=1),
        item("truncation", percent=50, warmup_steps=2),
        item("median", optimization="minimize", evaluation_interval=3),
        item("truncation", optimization="minimize", percent=30),
    ]
)
VALUES = st.lists(st.floats(width=32) | st.sampled_from([NAN, INF, -INF, 1.7e308, -1.7e308]), max_size=7)
CURVES = st.lists(st.tuples(st.booleans(), VALUES), max_size=8)


@settings(deadline=None, max_examples=300)
@given(POLICIES, CURVES, st.randoms())
def test_pruning_is_stable(policy: EarlyStopping, given_curves: list[tuple[bool, list[float]]], rng: Any) -> None:
    """The same curves give the same in any order, and nothing more when those that are stopped have ended."""
    curves = [curve(i, values, running=running) for i, (running, values) in enumerate(given_curves)]
    found = prune(policy, curves)
    assert prune(policy, rng.sample(curves, len(curves))) == found
    gone = {stop.index for stop in found}
    assert gone <= {each.index for each in curves if each.running}
    after = [Curve(each.index, each.running and each.index not in gone, each.points) for each in curves]
    assert prune(policy, after) == []
    for stop in found:
        json.dumps(stop.numbers, allow_nan=False)


def test_many_long_curves_take_little_time() -> None:
    curves = [curve(i, [math.sin(i * step) for step in range(300 + i % 50)]) for i in range(500)]
    start = time.process_time()
    assert prune(item("median", evaluation_interval=10), curves) is not None
    assert time.process_time() - start < 10
