"""Pipelines: templates, operations, and the graph of their dependencies."""

from __future__ import annotations

from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Specification, parse
from tests.schemas.era import ACCEPTED

JOB: dict[str, Any] = {"version": 1, "kind": "job", "build": {"image": "a"}, "run": {"cmd": "a"}}
TRAIN: dict[str, Any] = {
    "version": 1,
    "kind": "experiment",
    "name": "train",
    "inputs": [{"name": "rows", "type": "int"}, {"name": "lr", "type": "float", "is_optional": True, "default": 0.1}],
    "outputs": [{"name": "loss", "type": "metric"}],
    "run": {"cmd": "t --rows={{ rows }} --lr={{ lr }}"},
}
PREPARE = {**JOB, "name": "prepare", "outputs": [{"name": "rows", "type": "int"}, {"name": "text", "type": "str"}]}


def op(name: str, template: str = "prepare", **keys: Any) -> dict[str, Any]:
    return {"name": name, "template": {"name": template}, **keys}


def pipeline(*ops: Any, templates: Any = (PREPARE, TRAIN), **keys: Any) -> Specification:
    return parse({"version": 1, "kind": "pipeline", "templates": list(templates), "ops": list(ops), **keys})


def refused(*ops: Any, **keys: Any) -> str:
    with pytest.raises(PolyaxonfileError) as caught:
        pipeline(*ops, **keys)
    return str(caught.value)


def test_operations_come_in_an_order_in_which_they_can_run() -> None:
    specification = pipeline(
        op("report", dependencies=["fast", "slow"]),
        op("slow", "train", params={"rows": "{{ ops.data.outputs.rows }}"}),
        op("fast", "train", params={"rows": 5}, dependencies=["data"]),
        op("data"),
        op("alone"),
    )
    found = [(operation.name, operation.level, operation.upstream) for operation in specification.operations]
    assert found == [
        ("data", 0, frozenset()),
        ("alone", 0, frozenset()),
        ("slow", 1, {"data"}),
        ("fast", 1, {"data"}),
        ("report", 2, {"slow", "fast"}),
    ]


def test_an_operation_is_its_template_with_its_own_keys_over_it() -> None:
    environment = {"resources": {"gpu": 1}, "max_restarts": 1}
    template = {**TRAIN, "environment": {"resources": {"cpu": 2}}, "tags": ["x"]}
    own = op("a", "train", params={"rows": 3}, environment=environment, tags=["y"], trigger="all_done")
    content = pipeline(own, templates=[template]).operations[0].content
    assert content["environment"] == {"resources": {"cpu": 2, "gpu": 1}, "max_restarts": 1}
    assert (content["tags"], content["kind"], content["params"]) == (["y"], "experiment", {"rows": 3})
    assert parse(content).render().command == "t --rows=3 --lr=0.1"


def test_references_stay_in_the_content_of_an_operation() -> None:
    reference = "{{ ops.data.outputs.rows }}"
    specification = pipeline(op("data"), op("a", "train", params={"rows": reference}))
    assert specification.operations[1].content["params"] == {"rows": reference}


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([], "ops: expected at least 1, found 0"),
        ([op("a", "preparee")], "ops[0].template.name: there is no template 'preparee'; did you mean 'prepare'?"),
        (
            [op("data"), op("b", dependencies=["dat"])],
            "ops[1].dependencies[0]: there is no operation 'dat'; did you mean",
        ),
        ([op("a"), op("a")], "ops[1].name: there is another operation 'a'"),
        ([op("a", dependencies=["a"])], "ops[0].dependencies: operations wait for each other in a circle: a -> a"),
        (
            [op("a", dependencies=["b"]), op("b", dependencies=["c"]), op("c", dependencies=["a"])],
            "operations wait for each other in a circle:",
        ),
        (
            [op("a", "train", params={"rows": "{{ ops.a.outputs.loss }}"})],
            "operations wait for each other in a circle: a -> a",
        ),
        (
            [op("d"), op("a", "train", params={"rows": "{{ ops.x.outputs.rows }}"})],
            "ops[1].params.rows: there is no operation 'x'",
        ),
        (
            [op("d"), op("a", "train", params={"rows": "{{ ops.d.outputs.row }}"})],
            "ops[1].params.rows: the operation 'd' has no output 'row'; did you mean 'rows'?",
        ),
        (
            [op("d"), op("a", "train", params={"rows": "{{ ops.d.outputs.text }}"})],
            "ops[1].params.rows: expected an output of type int, found d.text, which is of type str",
        ),
        ([op("a", "train")], "ops[0].inputs[0]: the input 'rows' is required"),
        ([op("a", "train", params={"rows": "many"})], "ops[0].params.rows: expected a whole number"),
        ([op("a", "train", params={"rows": 1, "x": 1})], "ops[0].params.x: is not declared"),
        ([op("a", environment={"replicas": {"n_workers": 1}})], "ops[0].environment.replicas: unknown key"),
        ([op("a", trigger="all_suceeded")], "ops[0].trigger: expected 'all_succeeded'"),
        ([op("a", max_retries=-1)], "ops[0].max_retries: must be greater than or equal to 0"),
        ([op("a", conditions={"kind": "status", "op": "b", "trigger": "done"})], "ops[0].conditions.op: there is no"),
        ([op("a", conditions={"kind": "time", "op": "a"})], "ops[0].conditions"),
        ([op("a", depends=["b"])], "ops[0].depends: unknown key; did you mean 'dependencies'?"),
        ([{"name": "a", "template": {"path": "x.yml"}}], "ops[0].template: templates are found by name only"),
        ([{"name": "a", "template": {}}], "ops[0].template: expected exactly one of name, url"),
        ([{"template": {"name": "prepare"}}], "ops[0].name: is required"),
    ],
)
def test_operations_that_are_refused(ops: list[Any], message: str) -> None:
    assert message in refused(*ops)


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([], "templates: expected at least 1, found 0"),
        ([PREPARE, PREPARE], "templates[1].name: there is another template 'prepare'"),
        ([PREPARE, JOB], "templates[1]: needs a name"),
        ([PREPARE, {"version": 1, "name": "x"}], "templates[1].kind: is required"),
        (
            [PREPARE, {"version": 1, "kind": "pipeline", "name": "x"}],
            "templates[1].kind: a template cannot be a pipeline",
        ),
        ([PREPARE, {**TRAIN, "run": {"cmd": 5}}], "templates[1].run.cmd: expected text"),
        ([{**PREPARE, "runn": 1}], "ops[0].runn: unknown key; did you mean 'run'?"),
    ],
)
def test_templates_that_are_refused(templates: list[Any], message: str) -> None:
    assert message in refused(op("a"), templates=templates)


def test_an_unused_template_may_need_params() -> None:
    assert len(pipeline(op("a")).operations) == 1


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"kind": "interval", "start_at": "2020-01-01T00:00:00", "frequency": 60}, ""),
        ({"kind": "cron", "cron": "0 8 * * MON-FRI", "end_at": "2020-01-01T00:00:00Z"}, ""),
        ({"kind": "interval", "frequency": 60}, "start_at: is required"),
        ({"kind": "interval", "start_at": "2020-01-01", "frequency": 60}, "start_at: expected a time such as"),
        ({"kind": "interval", "start_at": "2020-01-01T00:00:00", "frequency": 0}, "frequency: must be greater"),
        ({"kind": "cron", "cron": "daily"}, "cron: expected five fields such as"),
        ({"kind": "never"}, "schedule: expected 'interval', 'cron'"),
    ],
)
def test_schedules(schedule: dict[str, Any], message: str) -> None:
    if message:
        assert message in refused(op("a"), schedule=schedule)
    else:
        assert pipeline(op("a"), schedule=schedule).kind == "pipeline"


@pytest.mark.parametrize("key", ["execute_at", "timeout", "inputs", "environment", "params", "run", "hptuning"])
def test_keys_that_pipelines_do_not_have(key: str) -> None:
    assert f"{key}: unknown key" in refused(op("a"), **{key: {}})


def test_all_problems_of_a_pipeline_come_at_once_with_lines() -> None:
    text = ACCEPTED["a pipeline"].replace("template: {name: train}", "template: {name: trian}")
    text = text.replace("dependencies: [slow]", "dependencies: [slaw]").replace("kind: job", "kind: jb")
    with pytest.raises(PolyaxonfileError) as caught:
        parse(text)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == ["line 8", "line 23", "line 29"]
