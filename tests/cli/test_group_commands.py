"""group: progress, ranking, metrics, stopping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon_cli import state
from polyaxon_cli.ranking import Goal, Progress, best_trial, expected_trials, goal_of, rank, value_of
from tests.cli.test_run_commands import GROUP
from tests.cli.wire_server import CREATED, USER, Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]

HPTUNING = {
    "concurrency": 2,
    "random_search": {"n_experiments": 8},
    "matrix": {"lr": {"uniform": [0.1, 0.9]}},
}


@pytest.fixture
def group(platform: Platform, project: dict[str, Any]) -> dict[str, Any]:
    """A search that has not begun, which this folder has seen."""
    run = platform.add_run("groups", "digits", hptuning=HPTUNING, concurrency=2)
    state.CACHES["group"].write(run)
    return run


@pytest.fixture
def searched(platform: Platform, group: dict[str, Any]) -> list[dict[str, Any]]:
    """The search with its eight trials done."""
    while group["last_status"] != "done":
        platform.step("groups", 1)
    return [run for (kind, _), run in platform.runs.items() if kind == "experiments"]


def test_watching_shows_progress_and_the_best_so_far(polyaxon: Tool, group: dict[str, Any]) -> None:
    result = polyaxon("group", "get", "--watch", "--metric", "accuracy")
    assert result.exit_code == 0
    progress = [line for line in result.stdout.splitlines() if "trials done" in line]
    assert progress[0].startswith("scheduled: 0/8 trials done")
    known, _, estimate = progress[1].partition(", about ")
    assert known == "running: 4/8 trials done, 2 running, best accuracy 0.56 (experiment 3)"
    assert estimate.endswith(" left")
    assert progress[2] == "done: 8/8 trials done, 0 running, best accuracy 0.57 (experiment 6)"


def test_watching_a_search_that_fails(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    platform.scripts["groups", 1] = ["running", "failed"]
    result = polyaxon("group", "get", "-w")
    assert result.exit_code == 1
    assert "The group 1 ended as failed" in result.stderr


def test_run_and_watch_a_search(polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path) -> None:
    (work / "search.yaml").write_text(GROUP)
    result = polyaxon("run", "-f", "search.yaml", "--watch")
    assert result.exit_code == 0
    assert "random_search" in result.stdout
    assert "Experiment group `1` was created." in result.stdout
    assert "8/8 trials done" in result.stdout


def test_top_ranks_the_trials_and_shows_the_best_parameters(polyaxon: Tool, searched: list[dict[str, Any]]) -> None:
    lines = [line.split() for line in polyaxon("group", "top", "--metric", "accuracy").stdout.splitlines()]
    assert lines[1] == ["rank", "id", "unique_name", "last_status", "accuracy", "lr", "total_run"]
    assert [line[0] for line in lines[2:10]] == [str(place) for place in range(1, 9)]
    accuracies = [float(line[4]) for line in lines[2:10]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert lines[2][1] == "6"
    assert lines[10][-1] == "6:"
    assert ["lr", "0.6"] in lines
    assert ["batch", "32"] in lines


def test_top_can_minimize_and_cut(polyaxon: Tool, searched: list[dict[str, Any]]) -> None:
    ranked = json.loads(polyaxon("group", "top", "--metric", "loss", "--minimize", "-n", "3", "--json").stdout)
    assert [trial["id"] for trial in ranked] == [8, 7, 6]


def test_top_takes_the_searchs_own_metric(
    polyaxon: Tool, searched: list[dict[str, Any]], group: dict[str, Any]
) -> None:
    group["hptuning"] = {"hyperband": {"metric": {"name": "loss", "optimization": "minimize"}}}
    assert json.loads(polyaxon("group", "top", "--json").stdout)[0]["id"] == 8


def test_top_needs_a_metric_where_the_search_names_none(polyaxon: Tool, searched: list[dict[str, Any]]) -> None:
    result = polyaxon("group", "top")
    assert result.exit_code == 2
    assert "recorded are: accuracy, loss" in result.stderr


def test_top_names_what_is_recorded(polyaxon: Tool, searched: list[dict[str, Any]]) -> None:
    result = polyaxon("group", "top", "--metric", "f1")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: No trial of this group has recorded the metric 'f1'. Recorded are: accuracy, loss.\n"
    )


def test_trials_with_their_metrics(polyaxon: Tool, searched: list[dict[str, Any]], platform: Platform) -> None:
    lines = [line.split() for line in polyaxon("group", "experiments", "-m").stdout.splitlines()]
    assert lines[1] == ["id", "unique_name", "total_run", "accuracy", "loss"]
    assert platform.requests[-1].query == {"group": "1", "metrics": "true"}
    assert "experiment_group" not in polyaxon("group", "-g", "1", "experiments").stdout


def test_the_spread_of_metrics_over_the_trials(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    measured = [(1, 0.5), (1, 0.7), (2, 0.9), (3, "NaN")]
    platform.metrics["groups", 1] = [
        {"id": n, "experiment": trial, "created_at": CREATED, "values": {"acc": value}}
        for n, (trial, value) in enumerate(measured)
    ]
    last = polyaxon("group", "metrics").stdout.splitlines()[-1]
    assert last.split() == ["acc", "3", "4", "0.5", "1", "0.9", "2"]


def test_stop_can_spare_the_running_trials(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("group", "stop", "-y").exit_code == 0
    assert platform.requests[-1].json is None
    assert polyaxon("group", "stop", "-y", "--pending").exit_code == 0
    assert platform.requests[-1].json == {"pending": True}


def test_delete_answered_no_is_no_failure(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("group", "delete", stdin="n\n").exit_code == 0
    assert ("groups", 1) in platform.runs


def test_list_and_statuses(polyaxon: Tool, group: dict[str, Any]) -> None:
    assert f"{USER}.digits.1" in polyaxon("group", "ls").stdout
    assert "created" in polyaxon("group", "statuses").stdout


def trial(number: int, value: Any) -> dict[str, Any]:
    return {"id": number, "last_metric": {} if value is None else {"acc": value}}


def test_rank_puts_trials_without_a_value_last() -> None:
    trials = [
        trial(1, None),
        trial(2, 0.5),
        trial(3, "NaN"),
        trial(4, "Infinity"),
        trial(5, 0.5),
        trial(6, -1),
    ]
    assert [t["id"] for t in rank(trials, Goal("acc"))] == [4, 2, 5, 6, 1, 3]
    assert [t["id"] for t in rank(trials, Goal("acc", minimize=True))] == [6, 2, 5, 4, 1, 3]


def test_best_of_nothing() -> None:
    assert best_trial([], Goal("acc")) is None
    assert best_trial([trial(1, None)], Goal("acc")) is None
    assert value_of({"last_metric": None}, "acc") is None


@pytest.mark.parametrize(
    ("hptuning", "count"),
    [
        ({"random_search": {"n_experiments": 8}}, 8),
        ({"matrix": {"a": {"values": [1, 2]}, "b": {"values": [1, 2, 3]}}}, 6),
        ({"grid_search": {"n_experiments": 4}, "matrix": {"a": {"values": [1, 2, 3, 4, 5]}}}, 4),
        ({"grid_search": {"n_experiments": 9}, "matrix": {"a": {"values": [1, 2]}}}, 2),
        ({"grid_search": {"n_experiments": 9}, "matrix": {"a": {"range": "0:9:1"}}}, 9),
        ({"matrix": {"a": {"range": "0:9:1"}}}, None),
        ({"bo": {"n_initial_trials": 5, "n_iterations": 10}}, 15),
        ({"hyperband": {"max_iter": 27}}, None),
        (None, None),
    ],
)
def test_expected_trials(hptuning: Any, count: int | None) -> None:
    assert expected_trials({"hptuning": hptuning}) == count


def test_search_settings_are_read_from_the_content_where_they_have_no_field() -> None:
    group = {"hptuning": None, "content": json.dumps({"hptuning": {"random_search": {"n_experiments": 3}}})}
    assert expected_trials(group) == 3
    assert expected_trials({"content": "kind: group"}) is None


def test_goal_of_early_stopping() -> None:
    group = {"hptuning": {"early_stopping": [{"metric": "loss", "value": 0.1, "optimization": "minimize"}]}}
    assert goal_of(group) == Goal("loss", minimize=True)
    assert goal_of({"hptuning": HPTUNING}) is None


def test_progress_counts_every_end() -> None:
    counts = {"num_succeeded_experiments": 3, "num_failed_experiments": 1, "num_stopped_experiments": 2}
    assert str(Progress.of({"last_status": "running", **counts})) == "6 trials done, 0 running, 1 failed"
