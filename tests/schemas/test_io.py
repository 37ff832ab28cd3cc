"""Typed inputs and outputs."""

from __future__ import annotations

from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Rendered, parse


def render(inputs: list[dict[str, Any]], params: dict[str, Any], cmd: str = "x", **sections: Any) -> Rendered:
    run = {"cmd": cmd}
    return parse(
        {"version": 1, "kind": "experiment", "inputs": inputs, "params": params, "run": run, **sections}
    ).render()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 5), ("int", "5"), ("float", 0.5), ("float", 4), ("float", "1e-3"), ("metric", 1), ("bool", True),
        ("bool", "yes"), ("str", "a"), ("str", "12"), ("path", "/a"), ("dict", {"a": 1}), ("dict", '{"a": 1}'),
        ("dict_of_dicts", {"a": {}}), ("list", [1]), ("list", "a, b"), ("uri", "u:p@h"), ("auth", "u:p"),
        ("gcs_path", "gs://b/c"), ("s3_path", "s3://b/c"),
        ("azure_path", "wasbs://c@a.blob.core.windows.net/p"), (None, [1, {}]),
    ],
)  # fmt: skip
def test_values_that_fit(kind: str | None, value: Any) -> None:
    assert "x" in render([{"name": "x", "type": kind}], {"x": value}).params


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1.5), ("int", "a"), ("int", True), ("float", "a"), ("float", [1]), ("bool", 1), ("bool", "maybe"),
        ("str", [1]), ("dict", [1]), ("dict", "{"), ("dict_of_dicts", {"a": 1}), ("list", 5), ("uri", "u"),
        ("gcs_path", "s3://b"), ("azure_path", "wasbs://x"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(kind: str, value: Any) -> None:
    with pytest.raises(PolyaxonfileError, match=r"params.x: expected .*, found"):
        render([{"name": "x", "type": kind}], {"x": value})


def test_text_stays_text() -> None:
    assert render([{"name": "x", "type": "str"}], {"x": "1.10"}, "{{ x }}").params == {"x": "1.10"}


def test_optional_inputs_have_their_default_or_null() -> None:
    inputs = [
        {"name": "a", "type": "float", "is_optional": True, "default": 4},
        {"name": "b", "type": "int", "is_optional": True},
    ]
    assert render(inputs, {}).params == {"a": 4, "b": None}


@pytest.mark.parametrize(
    ("inputs", "params", "message"),
    [
        ([{"name": "a"}], {}, "inputs[0]: the input 'a' is required"),
        ([{"name": "a"}], {"a": 1, "b": 2}, "params.b: is not declared"),
        ([{"type": "int"}], {}, "inputs[0].name: is required"),
        ([{"name": "a", "type": "integer"}], {"a": 1}, "inputs[0].type: expected one of int"),
        ([{"name": "a", "default": 1}], {"a": 1}, "is_optional"),
        ([{"name": "a", "is_flag": True}], {"a": 1}, "is_flag needs type: bool"),
        ([{"name": "a", "type": "int", "is_optional": True, "default": "x"}], {}, "whole number"),
        ([{"name": "a", "type": "int", "options": [1, 2]}], {"a": 3}, "params.a: expected one of 1, 2"),
        ([{"name": "a", "type": "int", "is_list": True}], {"a": [1, "x"]}, "whole number"),
        ([{"name": "a", "kind": "int"}], {"a": 1}, "inputs[0].kind: unknown key"),
        ("a", {}, "inputs: expected a list"),
        (["a"], {}, "inputs[0]: expected a mapping"),
    ],
)
def test_declarations_that_are_refused(inputs: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(PolyaxonfileError) as caught:
        render(inputs, params)
    assert message in str(caught.value)


@pytest.mark.parametrize(("value", "shown"), [(True, "--v"), ("yes", "--v"), (False, "x"), ("false", "x")])
def test_flags_show_as_their_option(value: Any, shown: str) -> None:
    assert (
        render([{"name": "v", "type": "bool", "is_flag": True}], {"v": value}, "x {{ v }}").command.split()[-1] == shown
    )


def test_options_also_match_as_text_and_in_lists() -> None:
    assert render([{"name": "a", "type": "int", "options": [1, 2]}], {"a": "2"}).params == {"a": 2}
    assert render([{"name": "a", "is_list": True, "options": [1, 2]}], {"a": [2, 1]}).params == {"a": [2, 1]}


def test_outputs_are_never_required_but_typed() -> None:
    outputs = [{"name": "auc", "type": "metric"}]
    assert render([], {}, outputs=outputs).params == {}
    with pytest.raises(PolyaxonfileError, match=r"params.auc: expected a number"):
        render([], {"auc": "x"}, outputs=outputs)


def test_a_typed_param_may_refer_to_another() -> None:
    inputs = [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]
    assert render(inputs, {"a": "{{ b }}", "b": 3}).params == {"a": 3, "b": 3}
