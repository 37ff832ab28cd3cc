"""Curves of trials: the last value up to each multiple of an interval, read once, and never a whole long history."""

from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hpsearch import Suggestion
from polyaxon.actions.metrics import log_columns, log_metrics
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, MetricPoint
from polyaxon.stores.columns import Column
from polyaxon.stores.series import Row
from polyaxon.trials.curves import CURVES, MOST_LOOKS, Kept, curves, progress, widened
from tests.contents import group_content
from tests.factories import make_experiment, make_group

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Numbers of rows come again in other tests."""
    CURVES.__init__()  # type: ignore[misc]


def make_trials(number: int) -> tuple[ExperimentGroup, list[Experiment]]:
    group = make_group(content=group_content(n=50))
    suggestions = [Suggestion(index, {"lr": 0.1}) for index in range(number)]
    return group, add_trials(group, suggestions, complete=False)


def log(trial: Experiment, values: dict[int, float]) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    log_metrics(trial, [Row({"loss": value}, moment, step=step) for step, value in values.items()])


def points(group: ExperimentGroup, interval: int) -> list[list[tuple[int, float]]]:
    return [list(curve.points) for curve in curves(progress(group, "loss"), interval)]


def test_a_curve_has_the_last_value_up_to_each_multiple() -> None:
    group, (trial,) = make_trials(1)
    log(trial, {0: 9.0, 2: 1.0, 3: 2.0, 5: 3.0, 6: math.nan, 11: 4.0, 12: 5.0})
    # Nothing between 9 and 12 but what is at 11 and 12; NaN is no value; what comes after 12 is not complete.
    assert points(group, 3) == [[(3, 2.0), (12, 5.0)]]
    assert points(group, 5) == [[(5, 3.0)]], "of steps 6 to 10 there is only NaN"


def test_values_that_come_later_are_added() -> None:
    group, (trial,) = make_trials(1)
    log(trial, {1: 1.0, 2: 2.0})
    assert points(group, 2) == [[(2, 2.0)]]
    log(trial, {3: 3.0, 4: 4.0, 5: 5.0})
    assert points(group, 2) == [[(2, 2.0), (4, 4.0)]]


def test_what_was_read_is_not_read_again(django_assert_num_queries: Any) -> None:
    group, trials = make_trials(3)
    for trial in trials:
        log(trial, {step: float(step) for step in range(9)})
    first = points(group, 2)
    with django_assert_num_queries(1):
        assert points(group, 2) == first
    with django_assert_num_queries(1):
        assert points(group, 4) == [[(4, 4.0), (8, 8.0)]] * 3


def test_only_suggested_trials_are_compared_and_only_running_ones_run() -> None:
    group, trials = make_trials(4)
    by_hand = make_experiment(group.project, group=group)
    for trial in (*trials[:3], by_hand):
        set_status(trial, "running")
        log(trial, {1: 1.0})
    set_status(trials[1], "succeeded")
    request_stop(trials[2], group.user)
    assert [(each.index, each.running) for each in progress(group, "loss")] == [(0, True), (1, False), (2, False)]


def test_a_long_history_is_looked_at_less_often() -> None:
    group, (short, long) = make_trials(2)
    log(short, {step: float(step) for step in range(1, 2100)})
    count = 100_000
    column = Column("loss", np.arange(count, dtype=float), np.full(count, 10**15), np.arange(count))
    log_columns(long, [column])
    trials = progress(group, "loss")
    interval = widened(1, trials)
    assert interval == 512
    found = curves(trials, interval)
    assert len(found[1].points) <= MOST_LOOKS
    assert list(found[1].points[:2]) == [(512, 512.0), (1024, 1024.0)]
    assert list(found[0].points) == [(512, 512.0), (1024, 1024.0), (1536, 1536.0), (2048, 2048.0)]
    assert MetricPoint.objects.filter(series__experiment=long).count() == count


def test_an_interval_that_is_enough_stays() -> None:
    group, (trial,) = make_trials(1)
    log(trial, {10: 1.0})
    assert widened(10, progress(group, "loss")) == 10
    assert widened(10, []) == 10


def test_what_is_kept_is_bounded() -> None:
    kept = Kept(most=2)
    for series in range(3):
        kept.keep(series, 1, array("d", [1.0, 2.0, 3.0, 4.0]))
    assert list(kept.known(0, 1, 9)) == []
    assert list(kept.known(2, 1, 3)) == [1.0, 2.0, 3.0]
    assert list(kept.known(2, 2, 9)) == [2.0, 4.0]
    kept.keep(2, 2, array("d", [2.0]))
    assert list(kept.known(2, 3, 9)) == [], "no multiple of what was read"
    assert list(kept.known(2, 1, 9)) == []
