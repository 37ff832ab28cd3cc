"""Comparing, drawing, ends of runs: pure functions behind the commands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon_cli.comparing import differences
from polyaxon_cli.ends import exit_code_of_run
from polyaxon_cli.plotting import BLANK, Curve, chart
from polyaxon_cli.ranking import Progress, change_of_trials
from polyaxon_cli.times import parse

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_only_what_differs_is_compared() -> None:
    one = {"id": 1, "params": {"lr": 0.1, "batch": 32}, "last_metric": {"loss": 0.5}, "framework": "torch"}
    two = {"id": 2, "params": {"lr": 0.2, "batch": 32}, "last_metric": {"loss": 0.5, "acc": 1}, "framework": "torch"}
    assert differences([one, two]) == [
        {"name": "params.lr", "1": 0.1, "2": 0.2},
        {"name": "metrics.acc", "1": None, "2": 1},
    ]
    names = [row["name"] for row in differences([one, two], everything=True)]
    assert names == ["params.batch", "params.lr", "metrics.acc", "metrics.loss", "framework"]


def test_packages_are_compared_one_by_one() -> None:
    one = {"id": 1, "run_env": {"pid": 1, "packages": ["numpy==1", "rich==2"]}}
    two = {"id": 2, "run_env": {"pid": 2, "packages": ["numpy==1", "rich==3"]}}
    assert differences([one, two]) == [{"name": "packages.rich", "1": "2", "2": "3"}]


def test_what_is_not_a_number_in_both_does_not_differ() -> None:
    assert differences([{"id": 1, "last_metric": {"a": math.nan}}, {"id": 2, "last_metric": {"a": math.nan}}]) == []


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=50), st.integers(20, 200), st.integers(5, 60))
def test_a_chart_fits_and_shows_its_ends(points: list[tuple[float, float]], width: int, height: int) -> None:
    drawn = chart([Curve("a", sorted(points))], width=width, height=height)
    assert drawn is not None
    assert {len(row) for row in drawn.rows} == {max(width - len(drawn.labels[0]) - 2, 10)}
    assert len(drawn.rows) == max(height - 2, 3)
    assert any(character != " " for row in drawn.rows for character, _ in row)


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    drawn = chart([Curve("a", [(0, 0), (1, 1)])], width=43, height=12)
    assert drawn is not None
    rows = ["".join(character for character, _ in row) for row in drawn.rows]
    assert [row.index(row.strip()[0]) for row in reversed(rows)] == sorted(row.index(row.strip()[0]) for row in rows)
    assert ord(rows[0][-1]) > BLANK
    assert ord(rows[-1][0]) > BLANK


def test_gaps_are_left_where_there_is_no_number() -> None:
    whole = chart([Curve("a", [(0, 0), (1, 1), (2, 0)])], width=43, height=12)
    torn = chart([Curve("a", [(0, 0), (1, math.nan), (2, 0)])], width=43, height=12)
    assert whole is not None
    assert torn is not None
    dots = [sum(character != " " for row in drawn.rows for character, _ in row) for drawn in (whole, torn)]
    assert dots[1] == 2 < dots[0]
    assert chart([Curve("a", [(0, math.nan)])], width=43, height=12) is None


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        ("succeeded", "", 0),
        ("done", "", 0),
        ("failed", "exit code 3", 3),
        ("failed", "command not found (exit code 127)", 127),
        ("failed", "exit code 137: killed by SIGKILL (out of memory, or ended from outside)", 137),
        ("failed", "killed by SIGKILL (out of memory, or ended from outside)", 137),
        ("failed", "killed by signal 34", 162),
        ("failed", "no image", 1),
        ("failed", "exit code 999", 1),
        ("stopped", "Stopped by a user.", 1),
    ],
)
def test_the_exit_code_of_a_run(status: str, message: str, code: int) -> None:
    assert exit_code_of_run(status, message) == code


def test_the_time_that_a_search_has_left() -> None:
    group = {
        "started_at": "2026-01-01T00:00:00Z",
        "num_succeeded_experiments": 4,
        "hptuning": {"random_search": {"n_experiments": 10}},
    }
    now = parse("2026-01-01T00:02:00Z")
    assert Progress.of(group, now).estimate == ", about 3m 0s left"
    for change in ({"num_succeeded_experiments": 0}, {"finished_at": "2026-01-01T00:02:00Z"}, {"hptuning": {}}):
        assert Progress.of({**group, **change}, now).estimate == ""


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ({"random_search": {"n_experiments": 5}}, {"random_search": {"n_experiments": 20}}),
        ({"bo": {"n_initial_trials": 5, "n_iterations": 3}}, {"bo": {"n_iterations": 15}}),
        ({"hyperband": {"max_iterations": 81}}, None),
        ({"matrix": {"lr": {"values": [1]}}}, None),
    ],
)
def test_what_gives_a_search_more_trials(section: dict[str, object], change: object) -> None:
    assert change_of_trials({"hptuning": section}, 20) == change
