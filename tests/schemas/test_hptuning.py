"""The search section of a group."""

from __future__ import annotations

from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Specification, parse
from polyaxon_schemas.hptuning import HpTuning

MATRIX = {"a": {"values": [1, 2]}}
BO = {"n_initial_trials": 1, "n_iterations": 1, "metric": {"name": "l"}}
ASHA = {"n_experiments": 9, "max_iter": 9, "resource": {"name": "epochs"}, "metric": {"name": "l"}}


def group(hptuning: dict[str, Any], **sections: Any) -> Specification:
    return parse({"version": 1, "kind": "group", "hptuning": hptuning, **sections})


def refused(hptuning: dict[str, Any]) -> str:
    with pytest.raises(PolyaxonfileError) as caught:
        group(hptuning)
    return str(caught.value)


def hptuning(**keys: Any) -> HpTuning:
    found = group({"matrix": MATRIX, **keys}).hptuning
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("option", "arguments", "expected"),
    [
        ("range", "1:10:2", [1, 10, 2]),
        ("range", ["0", 1, "0.1"], [0, 1, 0.1]),
        ("range", {"start": 0, "stop": 4, "step": 1}, [0, 4, 1]),
        ("linspace", "0:1:5", [0, 1, 5]),
        ("logspace", "-4:-1:4", [-4, -1, 4, 10]),
        ("logspace", [0, 3, 4, 2], [0, 3, 4, 2]),
        ("geomspace", "1:1000:4", [1, 1000, 4]),
        ("uniform", "0.0001:0.1", [0.0001, 0.1]),
        ("uniform", {"low": 0, "high": 1, "size": 4}, [0, 1]),
        ("quniform", "0:1:0.25", [0, 1, 0.25]),
        ("loguniform", "-7:-1", [-7, -1]),
        ("qloguniform", [0, 3, 1], [0, 3, 1]),
        ("normal", "0:1", [0, 1]),
        ("qnormal", "0:1:0.5", [0, 1, 0.5]),
        ("lognormal", [0, 1], [0, 1]),
        ("qlognormal", [0, 1, 2], [0, 1, 2]),
        ("values", [1, "a", True, [1]], [1, "a", True, [1]]),
        ("pvalues", [["a", 0.7], ["b", 0.3]], [["a", 0.7], ["b", 0.3]]),
        ("pvalues", [[1, "0.1"], [2, 0.2], [3, 0.7]], [[1, 0.1], [2, 0.2], [3, 0.7]]),
    ],
)
def test_every_option_in_its_forms(option: str, arguments: Any, expected: list[Any]) -> None:
    found = group({"matrix": {"x": {option: arguments}}, "random_search": {"n_experiments": 1}}).hptuning
    assert found is not None
    dumped = found.resolved()
    assert dumped["matrix"] == {"x": {option: expected}}
    assert HpTuning.model_validate(dumped).resolved() == dumped


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"values": []}, "at least one value"),
        ({"values": [1, None]}, "no null"),
        ({"values": 5}, "expected a list"),
        ({"values": [1], "range": "0:1:1"}, "exactly one option"),
        ({}, "exactly one option"),
        ([1, 2], "expected a mapping of one option"),
        ({"rnage": "0:1:1"}, "did you mean 'range'"),
        ({"range": "1:2"}, "expected start:stop:step"),
        ({"range": [1, 2, 3, 4]}, "found 4 items"),
        ({"range": "5:1:1"}, "less than stop"),
        ({"range": "1:5:0"}, "greater than 0"),
        ({"range": {"start": 1, "stop": 2, "stp": 3}}, "range.stp"),
        ({"range": "a:b:c"}, "expected a number"),
        ({"range": "0:inf:1"}, "number"),
        ({"linspace": "0:1:2.5"}, "whole number"),
        ({"linspace": [0, 1, 10**300]}, "more than 1,000,000,000,000 values"),
        ({"range": [-1.7e308, 1.7e308, 1]}, "more than 1,000,000,000,000 values"),
        ({"range": [0, 10**300, 1]}, "more than 1,000,000,000,000 values"),
        ({"geomspace": "0:1:3"}, "above 0"),
        ({"logspace": "1:5000:3"}, "out of range"),
        ({"loguniform": "0:5000"}, "out of range"),
        ({"quniform": "0:1:0"}, "greater than 0"),
        ({"normal": "0:-1"}, "negative"),
        ({"uniform": 5}, "expected low:high"),
        ({"pvalues": [["a", 0.7], ["b", 0.7]]}, "more than 1"),
        ({"pvalues": [["a"]]}, "item 0"),
        ({"pvalues": [["a", -0.1]]}, "from 0 to 1"),
    ],
)
def test_options_that_are_refused(option: Any, message: str) -> None:
    text = refused({"matrix": {"lr": option}, "random_search": {"n_experiments": 1}})
    assert "hptuning.matrix.lr" in text
    assert message in text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"matrix": {}}, "hptuning.matrix"),
        ({"matrix": MATRIX, "random_search": {}}, "hptuning.random_search.n_experiments: is required"),
        ({"matrix": MATRIX, "random_search": {"n_experiments": 0}}, "greater than or equal to 1"),
        ({"matrix": MATRIX, "random_search": {"n_experiments": 1}, "bo": {}}, "one search algorithm"),
        ({"matrix": MATRIX, "concurrency": 0}, "hptuning.concurrency"),
        ({"matrix": MATRIX, "concurency": 2}, "did you mean 'concurrency'"),
        ({"matrix": {"a": {"uniform": "0:1"}}}, "grid search needs a finite list"),
        ({"matrix": {"a": {"range": "0:1000000:1"}}}, "grid has"),
        ({"matrix": MATRIX, "asha": {**ASHA, "resource": {"name": "a"}}}, "the matrix must not hold it"),
        ({"matrix": MATRIX, "asha": {**ASHA, "min_iter": 10}}, "must not be more than max_iter"),
        ({"matrix": MATRIX, "nsga2": {"n_experiments": 1, "metrics": [{"name": "l"}] * 2}}, "names a metric twice"),
        ({"matrix": MATRIX, "hyperband": {"max_iter": 9}}, "hptuning.hyperband.eta: is required"),
        ({"matrix": MATRIX, "early_stopping": {"metric": "a"}}, "expected a list"),
        ({"matrix": MATRIX, "early_stopping": [{"metric": "a"}]}, "value to stop at"),
        ({"matrix": MATRIX, "early_stopping": [{"value": 1}]}, "early_stopping[0].metric: is required"),
        ({"matrix": MATRIX, "early_stopping": [{"metric": "a", "policy": {"kind": "x"}}]}, "'median'"),
    ],
)  # fmt: skip
def test_settings_that_are_refused(keys: dict[str, Any], message: str) -> None:
    assert message in refused(keys)


def test_defaults() -> None:
    assert hptuning(concurrency=None).resolved() == {
        "matrix": MATRIX,
        "concurrency": 1,
        "early_stopping": [],
        "budget": {},
        "max_retries": 0,
        "grid_search": {},
    }
    assert hptuning(seed=1.5).seed == 1


def test_algorithms_are_parsed() -> None:
    metric = {"name": "loss", "optimization": "MINIMIZE"}
    hyperband = {"max_iter": 27, "eta": 3, "resource": {"name": "epochs", "type": "INT"}, "metric": metric}
    found = hptuning(hyperband=hyperband)
    assert found.algorithm == "hyperband"
    assert found.hyperband is not None
    assert (found.hyperband.metric.optimization, found.hyperband.resource.type) == ("minimize", "int")
    utility = {"acquisition_function": "EI", "eps": 0.1, "gaussian_process": None}
    bo = {"n_initial_trials": 5, "n_iterations": 3, "metric": metric, "utility_function": utility}
    assert hptuning(bo=bo).resolved()["bo"]["utility_function"]["gaussian_process"]["kernel"] == "matern"


def test_policies_of_early_stopping_are_parsed() -> None:
    policy = {"kind": "truncation", "percent": 50, "evaluation_interval": 2}
    item = hptuning(early_stopping=[{"metric": "a", "optimization": "Minimize", "policy": policy}]).early_stopping[0]
    assert item.policy is not None
    assert item.policy.model_dump() == {**policy, "warmup_steps": 0, "min_trials": 3}


def test_the_matrix_wins_over_params() -> None:
    specification = group({"matrix": MATRIX}, params={"a": 9, "b": 1}, run={"cmd": "x {{ a }} {{ b }}"})
    assert specification.warnings == ["'a' is in params and in the matrix; the matrix wins"]
    content = specification.trial_content({"a": 2})
    assert parse(content, kind="experiment").render().command == "x 2 1"


def test_a_trial_keeps_its_templates() -> None:
    specification = group({"matrix": MATRIX}, tags=["{{ a }}"], run={"cmd": "x {{ a }}"}, name="n")
    content = specification.trial_content({"a": 2})
    assert content["run"] == {"cmd": "x {{ a }}"}
    assert "hptuning" not in content
    assert "name" not in content
    trial = parse(content)
    assert trial.render({"a": 5}).command == "x 5"
    assert trial.render().tags == ["2"]


def test_the_matrix_satisfies_typed_inputs() -> None:
    inputs = [{"name": "a", "type": "int"}, {"name": "v", "type": "bool", "is_flag": True, "is_optional": True}]
    specification = group({"matrix": {**MATRIX, "c": {"values": ["z"]}}}, inputs=inputs, run={"cmd": "{{a}}{{c}}{{v}}"})
    trial = parse(specification.trial_content({"a": 1, "c": "z"}))
    assert trial.render({"v": "yes"}).command == "1z--v"


def test_exponents_that_look_like_a_mistake_warn() -> None:
    specification = group({"matrix": {"lr": {"logspace": "0.01:0.1:5"}}})
    assert "exponents" in specification.warnings[0]


def test_only_a_group_has_trials() -> None:
    with pytest.raises(ValueError, match="only a group"):
        parse({"version": 1, "kind": "experiment"}).trial_content({})


def test_a_template_may_make_a_number_of_the_matrix() -> None:
    environment = {"resources": {"cpu": {"limits": "{{ a }}"}}}
    specification = group({"matrix": MATRIX}, environment=environment)
    rendered = parse(specification.trial_content({"a": 2})).render()
    assert rendered.environment is not None
    assert rendered.environment.model_dump(exclude_none=True) == {"resources": {"cpu": {"limits": 2}}}


@pytest.mark.parametrize("option", [{"loguniform": "-7:-1"}, {"normal": "0:1"}, {"pvalues": [["a", 0.5], ["b", 0.5]]}])
def test_log_scaled_continuous_options_suit_bo(option: dict[str, Any]) -> None:
    found = group({"matrix": {"a": option}, "bo": BO}).hptuning
    assert found is not None
    assert found.algorithm == "bo"
