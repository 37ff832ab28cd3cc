"""group: going on, starting anew, changing, and what came out of a search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon_cli import ranking, state
from polyaxon_cli.commands.group_results import DECISION_KINDS
from polyaxon_cli.ranking import Goal, expected_trials, goal_of
from polyaxon_schemas.hptuning import ALGORITHMS
from tests.cli.wire_server import CREATED, Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]

BEST = {
    "metric": "loss",
    "optimization": "minimize",
    "trial": {"experiment": 21, "index": 9, "params": {"lr": 0.01, "layers": 3}, "value": 0.18},
}
PARETO = {
    "metrics": [{"name": "acc", "optimization": "maximize"}, {"name": "lr", "optimization": "minimize"}],
    "finished": 40,
    "compared": 40,
    "trials": [
        {"experiment": 21, "index": 9, "params": {"lr": 0.01, "index": 3}, "values": {"acc": 0.9, "lr": 0.2}},
        {"experiment": 17, "index": None, "params": {"lr": 0.02}, "values": {"acc": 0.8, "lr": 0.1}},
    ],
}
IMPORTANCES = {
    "metric": "loss",
    "optimization": "minimize",
    "finished": 2500,
    "modelled": 2000,
    "importances": [{"param": "lr", "importance": 0.875}, {"param": "layers", "importance": 0.125}],
}


def decision(number: int, kind: str, trial: int | None, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("experiment", "bracket", "rung", "parent", "strategy"))
    row = {"id": number, "created_at": CREATED, "kind": kind, "trial": trial, "reason": "", "numbers": {}}
    return {**empty, **row, **values}


@pytest.fixture
def group(platform: Platform, project: dict[str, Any]) -> dict[str, Any]:
    """A search that this folder has seen."""
    run = platform.add_run("groups", "digits", hptuning={"concurrency": 2})
    state.CACHES["group"].write(run)
    platform.results.update(best=BEST, pareto=PARETO, importances=IMPORTANCES)
    return run


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.stderr
    return [line.split() for line in result.stdout.splitlines()]


def test_resume(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    refused = polyaxon("group", "-g", "1", "resume")
    assert refused.exit_code == 1
    assert "only a search that has ended is resumed" in refused.stderr
    group["last_status"] = "stopped"
    assert polyaxon("group", "-g", "1", "resume").stdout == "Experiment group 1 goes on.\n"
    group["last_status"] = "stopped"
    assert json.loads(polyaxon("group", "resume", "--json").stdout)["last_status"] == "resuming"


@pytest.mark.parametrize("verb", ["restart", "copy"])
def test_another_search_from_one(
    polyaxon: Tool, group: dict[str, Any], platform: Platform, work: Path, verb: str
) -> None:
    assert "Experiment group `2` was created from 1." in polyaxon("group", "-g", "1", verb).stdout
    assert platform.requests[-1].path.endswith(f"/groups/1/{verb}/")
    (work / "more.yaml").write_text("hptuning: {concurrency: 4}")
    made = polyaxon("group", "-g", "1", verb, "-f", "more.yaml", "--json")
    assert json.loads(made.stdout)["cloning_strategy"] == verb
    assert json.loads(platform.requests[-1].json["content"]) == {"hptuning": {"concurrency": 4}}
    assert state.CACHES["group"].read()["id"] == 3
    assert polyaxon("group", "-g", "1", "-p", "digits", verb, "-u").exit_code == 2


def test_update_sends_what_is_given(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    options = ["--concurrency", "4", "--max-trials", "50", "--max-hours", "1.5", "--max-failures", "none"]
    assert polyaxon("group", "update", *options, "--max-retries", "0", "--tags", "a").exit_code == 0
    budget = {"max_trials": 50, "max_hours": 1.5, "max_failures": None}
    assert platform.requests[-1].json == {
        "tags": ["a"],
        "hptuning": {"concurrency": 4, "max_retries": 0, "budget": budget},
    }
    polyaxon("group", "update", "--description", "rates")
    assert platform.requests[-1].json == {"description": "rates"}
    assert "There is nothing to change: give --name" in polyaxon("group", "update").stderr


@pytest.mark.parametrize(
    "options", [("--concurrency", "0"), ("--max-trials", "0"), ("--max-hours", "0"), ("--max-retries", "-1")]
)
def test_update_refuses_what_no_search_takes(
    polyaxon: Tool, group: dict[str, Any], platform: Platform, options: tuple[str, str]
) -> None:
    result = polyaxon("group", "update", *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr
    assert not [request for request in platform.requests if request.method == "PATCH"]


def test_best(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    shown = lines(polyaxon("group", "best"))
    assert platform.requests[-1].query == {}
    assert " ".join(shown[0]) == "The trial with the lowest loss:"
    assert shown[1:4] == [["experiment", "21"], ["trial", "9"], ["loss", "0.18"]]
    assert shown[5:] == [["lr", "0.01"], ["layers", "3"]]
    polyaxon("group", "best", "--metric", "acc", "--minimize")
    assert platform.requests[-1].query == {"metric": "acc", "optimization": "minimize"}
    assert json.loads(polyaxon("group", "best", "--json").stdout) == BEST
    platform.results["best"] = {**BEST, "trial": None}
    assert polyaxon("group", "best").stdout == "No trial has succeeded with a value of loss yet.\n"


def test_pareto(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    shown = lines(polyaxon("group", "pareto", "--metrics", "acc,-lr"))
    assert platform.requests[-1].query == {"metrics": "acc,-lr"}
    assert shown[1] == ["experiment", "index", "acc", "lr", "params.lr", "params.index"]
    assert shown[2] == ["21", "9", "0.9", "0.2", "0.01", "3"]
    assert shown[3] == ["17", "0.8", "0.1", "0.02"]
    assert json.loads(polyaxon("group", "pareto", "--json").stdout) == PARETO
    polyaxon("group", "pareto", "--metrics", "-lr")
    assert platform.requests[-1].query == {"metrics": "-lr"}


def test_importance(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    result = polyaxon("group", "importance", "--metric", "loss")
    assert platform.requests[-1].query == {"metric": "loss"}
    assert lines(result)[1:4] == [["param", "importance"], ["lr", "0.875"], ["layers", "0.125"]]
    assert "Of 2500 finished trials the newest 2000 were looked at." in result.stdout
    assert json.loads(polyaxon("group", "importance", "--json").stdout) == IMPORTANCES


def test_decisions(polyaxon: Tool, group: dict[str, Any], platform: Platform) -> None:
    platform.results["decisions"] = [
        decision(1, "start", 0, experiment=7, bracket=0, rung=0),
        decision(2, "stop", 0, experiment=7, reason="worse than the median", numbers={"median": 0.5}),
        decision(3, "start", 1, experiment=8),
        decision(4, "finish", None, reason="All 2 trials are done."),
    ]
    shown = lines(polyaxon("group", "decisions"))
    assert len(shown) == 7
    assert shown[3][3:] == ["stop", "0", "7", "worse", "than", "the", "median", '{"median":', "0.5}"]
    one = json.loads(polyaxon("group", "decisions", "--trial", "0", "--kind", "stop", "--json").stdout)
    assert platform.requests[-1].query == {"trial": "0", "kind": "stop"}
    assert [row["id"] for row in one["results"]] == [1, 2]


def test_the_tool_knows_the_algorithms_and_the_kinds_of_decisions() -> None:
    from polyaxon.db.models import SearchDecision

    assert ranking.ALGORITHMS == ALGORITHMS
    kinds = {str(kind) for kind, _ in SearchDecision._meta.get_field("kind").flatchoices}
    assert set(DECISION_KINDS) == kinds


METRIC = {"name": "loss", "optimization": "minimize"}


@pytest.mark.parametrize(
    ("hptuning", "count"),
    [
        ({"tpe": {"n_experiments": 30}}, 30),
        ({"cma_es": {"n_experiments": 30}, "budget": {"max_trials": 20}}, 20),
        ({"nsga2": {"n_experiments": 30}, "budget": {"max_hours": 2}}, 30),
        ({"qmc": {"n_experiments": 30}, "matrix": {"a": {"values": [1, 2]}}}, 2),
        ({"bo": {"n_initial_trials": 5, "n_iterations": 0}}, 5),
        ({"pbt": {"population_size": 4, "max_iter": 10, "interval": 4}}, 12),
        ({"asha": {"n_experiments": 30, "max_iter": 9}}, None),
        ({"asha": {"n_experiments": 30, "max_iter": 9}, "budget": {"max_trials": 40}}, 40),
        ({"hyperband": {"max_iter": 9}, "matrix": {"a": {"values": [1, 2]}}}, None),
        ({"custom": {"name": "ours"}}, None),
        ({"grid_search": {}, "matrix": {"a": {"values": [1, 2]}}}, 2),
    ],
)
def test_expected_trials_of_every_algorithm(hptuning: dict[str, Any], count: int | None) -> None:
    assert expected_trials({"hptuning": hptuning}) == count


@pytest.mark.parametrize("algorithm", ["hyperband", "bo", "asha", "tpe", "cma_es", "pbt"])
def test_the_goal_is_the_metric_of_the_algorithm(algorithm: str) -> None:
    assert goal_of({"hptuning": {algorithm: {"metric": METRIC}}}) == Goal("loss", minimize=True)


def test_the_goal_of_several_metrics_is_the_first() -> None:
    assert goal_of({"hptuning": {"nsga2": {"metrics": [METRIC, {"name": "acc"}]}}}) == Goal("loss", minimize=True)


FILE = """
version: 1
kind: group
hptuning:
  concurrency: 3
  budget: {{max_hours: 2}}
  matrix: {{lr: {{uniform: [0, 1]}}}}
  {section}
build: {{image: python}}
run: {{cmd: "train --lr={{{{ lr }}}}"}}
"""
RESOURCE = "resource: {name: epochs, type: int}, metric: {name: loss, optimization: minimize}"


@pytest.mark.parametrize(
    ("section", "name", "count"),
    [
        ("tpe: {n_experiments: 30, metric: {name: loss, optimization: minimize}}", "tpe", "30"),
        (f"pbt: {{population_size: 4, max_iter: 8, interval: 4, {RESOURCE}}}", "pbt", "8"),
        (f"asha: {{n_experiments: 30, max_iter: 9, {RESOURCE}}}", "asha", None),
        (f"hyperband: {{max_iter: 9, eta: 3, {RESOURCE}}}", "hyperband", None),
    ],
)
def test_the_check_shows_what_a_search_is(
    polyaxon: Tool, work: Path, section: str, name: str, count: str | None
) -> None:
    (work / "search.yaml").write_text(FILE.format(section=section))
    shown = dict(line.split("  ", 1) for line in polyaxon("check", "-f", "search.yaml", "-def").stdout.splitlines()[2:])
    shown = {key: value.strip() for key, value in shown.items()}
    assert (shown["search algorithm"], shown.get("experiments")) == (name, count)
    assert (shown["goal"], shown["budget"]) == ("lowest loss", "max_hours 2")
