"""Files of the years of 0.6 are read, and the schema for editors agrees."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from polyaxon_schemas import PolyaxonfileError, parse, read
from polyaxon_schemas.json_schema import polyaxonfile_schema
from polyaxon_schemas.located import unlocated
from polyaxon_schemas.reference import page
from tests.schemas import REPOSITORY
from tests.schemas.era import ACCEPTED, REFUSED

VALIDATOR = jsonschema_rs.Draft202012Validator(polyaxonfile_schema())


def in_editor(text: str) -> list[str]:
    """What an editor would underline."""
    return [error.message for error in VALIDATOR.iter_errors(unlocated(read(text)))]


@pytest.mark.parametrize("name", ACCEPTED)
def test_files_of_0_6_are_accepted(name: str) -> None:
    specification = parse(ACCEPTED[name], strict=True)
    if specification.kind != "pipeline":
        assert isinstance(specification.render().command, str)
    assert parse(specification.to_text()).raw == specification.raw


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_schema_takes_files_of_0_6(name: str) -> None:
    assert in_editor(ACCEPTED[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_0_6_refused_is_refused_with_advice(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(PolyaxonfileError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_refuses_it_too(name: str) -> None:
    assert in_editor(REFUSED[name][0])


def test_a_command_of_0_6_is_on_one_line() -> None:
    commands = {name: parse(text).render().command for name, text in ACCEPTED.items() if "pipeline" not in name}
    assert commands["declarations and a continued command"] == "python3 train.py --batch_size=128 --lr=0.001 --first=32"
    assert commands["a folded command"] == 'python train.py --data=$DATA --name="two  words"'
    assert commands["templates with control blocks"] == "python a.py --debug --size=3 --size=5"
    assert commands["typed inputs"] == "python fit.py --depth=6 --rate=0.3"


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "experiment"},
        {"version": 2, "kind": "experiment"},
        {"version": 1, "kind": "experiments"},
        {"version": 1, "kind": "group"},
        {"version": 1, "kind": "experiment", "enviroment": {}},
        {"version": 1, "kind": "experiment", "hptuning": {}},
        {"version": 1, "kind": "notebook", "run": {"cmd": "a"}, "build": {"image": "a"}},
        {"version": 1, "kind": "job", "run": {"cmd": 5}},
        {"version": 1, "kind": "experiment", "build": {"image": "a", "dockerfile": "b"}},
        {"version": 1, "kind": "experiment", "build": {}},
        {"version": 1, "kind": "experiment", "build": {"image": "a", "env_vars": [["A"]]}},
        {"version": 1, "kind": "experiment", "environment": {"max_restarts": -1}},
        {"version": 1, "kind": "experiment", "environment": {"restart_policy": "sometimes"}},
        {"version": 1, "kind": "experiment", "environment": {"timeout": "soon"}},
        {"version": 1, "kind": "experiment", "environment": {"resources": {"memory": "1X"}}},
        {"version": 1, "kind": "experiment", "environment": {"resources": {"limits": {"disk": 1}}}},
        {"version": 1, "kind": "group", "hptuning": {"matrix": {"a": {"values": [1], "range": "1:2:3"}}}},
        {"version": 1, "kind": "group", "hptuning": {"matrix": {"a": {"uniform": "1"}}}},
        {"version": 1, "kind": "group", "hptuning": {"matrix": {"a": {"values": [1]}}, "concurrency": 0}},
        {"version": 1, "kind": "experiment", "inputs": [{"name": "a", "type": "integer"}]},
        {"version": 1, "kind": "pipeline", "templates": [], "ops": []},
    ],
)
def test_schema_and_parser_refuse_the_same(data: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(data)
    with pytest.raises(PolyaxonfileError):
        parse(data)


def test_the_schema_knows_every_extension() -> None:
    environment = {
        "env_vars": [["A", 1], ["B", "x"]],
        "timeout": "{{ t }}",
        "ttl": "1d",
        "max_retries": "2",
        "restart_policy": "OnFailure",
        "security_context": {"runAsUser": 1000},
        "queue": "night",
        "priority": 3,
        "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}},
    }
    data = {"version": 1, "kind": "experiment", "params": {"t": 60}, "environment": environment}
    assert VALIDATOR.is_valid(data)
    policy = parse(data).render().policy
    assert (policy.timeout, policy.ttl, policy.max_retries, policy.retries_failures) == (60, 86400, 2, True)


def test_the_reference_page_is_what_the_models_say() -> None:
    written = (REPOSITORY / "docs" / "polyaxonfile-reference.md").read_text(encoding="utf-8")
    assert written == page(), "run: make reference"


def test_every_key_of_this_format_has_words() -> None:
    untold = [
        f"{name}.{key}"
        for name, section in polyaxonfile_schema()["$defs"].items()
        for key, schema in section.get("properties", {}).items()
        if "description" not in schema and name in OURS
    ]
    assert untold == []


OURS = {
    *("Experiment", "Job", "BuildFile", "Notebook", "Pipeline", "Operation", "RunEnvironment", "Replicas"),
    *("Run", "Build"),
}
