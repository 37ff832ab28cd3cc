"""What each kind accepts and refuses."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Specification, merge, parse

EXPERIMENT: dict[str, Any] = {"version": 1, "kind": "experiment"}
BUILD = {"image": "python:3.11"}


def refused(*layers: dict[str, Any], kind: str | None = None) -> str:
    with pytest.raises(PolyaxonfileError) as caught:
        parse(merge(layers), kind=kind)
    return str(caught.value)


def experiment(**sections: Any) -> Specification:
    return parse({**EXPERIMENT, **sections})


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("experiment", {}),
        ("job", {"build": BUILD, "run": {"cmd": "a"}}),
        ("job", {"build": BUILD, "run": None}),
        ("build", {"dockerfile": "docker/Dockerfile", "nocache": "yes", "backend": "kaniko"}),
        ("notebook", {"build": BUILD, "backend": "lab"}),
        ("tensorboard", {"build": BUILD}),
        ("group", {"hptuning": {"matrix": {"a": {"values": [1]}}}}),
    ],
)
def test_minimal_files(kind: str, sections: dict[str, Any]) -> None:
    specification = parse({"version": 1.0, "kind": kind, **sections}, kind=kind)
    assert specification.kind == kind
    assert parse(specification.to_text()).raw == specification.raw


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({}, "version: is required"),
        ({"version": 2, "kind": "job"}, "different format"),
        ({"version": 1.1, "kind": "component"}, "different format"),
        ({"version": "1.1", "kind": "operation"}, "different format"),
        ({"version": True, "kind": "job"}, "version: expected 1, found true"),
        ({"version": None, "kind": "job"}, "version: expected 1"),
        ({"version": 1, "kind": "Experiment"}, "did you mean 'experiment'"),
        ({"version": 1, "kind": ["job"]}, "kind: expected one of"),
        ({"version": 1, "kind": "pipelin"}, "did you mean 'pipeline'"),
        ({"version": 1}, "kind: is required"),
    ],
)
def test_headers_that_are_refused(header: dict[str, Any], message: str) -> None:
    assert message in refused(header)


def test_another_kind_than_expected_is_refused() -> None:
    assert refused(EXPERIMENT, kind="group") == "kind: expected group, found experiment"


def test_all_problems_come_at_once_with_lines() -> None:
    text = """version: 1
kind: experiment
enviroment: {}
environment:
  resources: {gpu: {request: 1}, cpu: -1}
  tolerations: 5
build: {}
run:
  cmd: [1]
  image: x
"""
    with pytest.raises(PolyaxonfileError) as caught:
        parse(text)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "line 3", "line 5", "line 5", "line 6", "line 7", "line 9", "line 10",
    ]  # fmt: skip
    assert "environment.resources.gpu.request: unknown key; did you mean 'requests'?" in lines[2]
    assert caught.value.problems[3].path == ("environment", "tolerations")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"matrix": {}}, "belongs into hptuning"),
        ({"env": {}}, "use environment"),
        ({"run": {"cmd": "a", "build_steps": []}}, "run.build_steps: unknown key"),
        ({"run": {}}, "run.cmd: is required"),
        ({"run": {"cmd": None}}, "run.cmd: expected text"),
        ({"params": [1]}, "params: expected a mapping, found a list"),
        ({"params": {}, "declarations": {}}, "keep only one"),
        ({"name": "a b"}, "name: expected letters"),
        ({"tags": "a"}, "tags: expected a list"),
        ({"logging": {"level": "LOUD"}}, "logging.level: expected"),
        ({"hptuning": {}}, "hptuning: unknown key"),
        ({"backend": "native2"}, "backend: expected"),
        ({"build": {"image": "a", "dockerfile": "b"}}, "exactly one of image"),
        ({"build": {"image": "a b"}}, "no spaces"),
        ({"build": {"image": "a:b:c:d"}}, "expected an image"),
        ({"build": {**BUILD, "env_vars": [["A"]]}}, "build.env_vars[0]: expected [NAME, value]"),
        ({"build": {**BUILD, "env_vars": {"A": 1}}}, "build.env_vars: expected a list"),
        ({"build": {**BUILD, "commit": 1.5}}, "quotes"),
        ({"build": None, "environment": {"security_context": 5}}, "environment.security_context"),
    ],
)
def test_sections_that_are_refused(sections: dict[str, Any], message: str) -> None:
    assert message in refused({**EXPERIMENT, **sections})


@pytest.mark.parametrize(
    ("kind", "section"), [("job", "run"), ("notebook", "build"), ("tensorboard", "build"), ("group", "hptuning")]
)
def test_required_sections(kind: str, section: str) -> None:
    assert f"{section}: is required" in refused({"version": 1, "kind": kind})


def test_header_values() -> None:
    specification = experiment(name="a-b", tags=["x", 1, "x"], logging={"level": "warning"}, framework="keras")
    assert (specification.name, specification.tags) == ("a-b", ["x", "1"])
    assert (specification.log_level, specification.framework) == ("WARN", "keras")


def test_build_values() -> None:
    build = experiment(build={**BUILD, "commit": 1234567, "build_steps": [12], "env_vars": [["A", 1]]}).build
    assert build is not None
    assert (build.commit, build.build_steps, build.env_vars) == ("1234567", ["12"], [["A", "1"]])


@pytest.mark.parametrize(
    ("image", "tag"),
    [("python", "latest"), ("python:3.7", "3.7"), ("host:5000/img", "latest"), ("host:5000/img:t", "t")],
)
def test_image_tags(image: str, tag: str) -> None:
    build = experiment(build={"image": image}).build
    assert build is not None
    assert build.image_tag == tag


def test_environment_values() -> None:
    environment = experiment(
        environment={
            "resources": {"cpu": "500m", "memory": {"requests": "1Gi", "limits": 2048}, "gpu": 1},
            "labels": {"a": 1, "b": True},
            "annotations": {"c": "d"},
            "max_restarts": "3",
            "configmap_refs": ["x"],
            "persistence": {"data": ["d"], "outputs": "o"},
            "outputs": {"jobs": [1, "user/project/name"]},
            "affinity": None,
        }
    ).environment
    assert environment is not None
    assert environment.resources is not None
    assert environment.resources.model_dump(exclude_none=True) == {
        "cpu": {"limits": 0.5},
        "memory": {"requests": 1024, "limits": 2048},
        "gpu": {"limits": 1},
    }
    assert environment.labels == {"a": "1", "b": "true"}
    assert (environment.max_restarts, environment.config_map_refs) == (3, ["x"])
    assert (environment.data_refs, environment.artifact_refs) == (["d"], ["o"])


@pytest.mark.parametrize("kind", ["experiment", "group", "job", "build", "notebook", "tensorboard"])
def test_labels_are_for_every_kind(kind: str) -> None:
    data: dict[str, Any] = {"version": 1, "kind": kind, "environment": {"labels": {"a": "b"}}}
    data.update({"image": "a"} if kind == "build" else {"build": BUILD})
    data.update({"run": None} if kind == "job" else {})
    data.update({"hptuning": {"matrix": {"a": {"values": [1]}}}} if kind == "group" else {})
    environment = parse(data).environment
    assert environment is not None
    assert environment.labels == {"a": "b"}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"resources": {"cpu": {"requests": 2, "limits": 1}}}, "must not be more than limits"),
        ({"resources": {"memory": "1X"}}, "quantity"),
        ({"resources": {"disk": 1}}, "resources.disk: unknown key"),
        ({"configmap_refs": ["a"], "config_map_refs": ["b"]}, "old name"),
        ({"persistence": {"data": ["a"]}, "data_refs": ["b"]}, "old name"),
        ({"max_restarts": True}, "whole number"),
        ({"node_selector": {"a": [1]}}, "node_selector.a: expected text"),
    ],
)
def test_environments_that_are_refused(environment: dict[str, Any], message: str) -> None:
    assert message in refused({**EXPERIMENT, "environment": environment})


@pytest.mark.parametrize(
    ("framework", "backend", "replicas", "message"),
    [
        (None, None, {"n_workers": 1}, "replicas need framework"),
        ("keras", None, {"n_workers": 1}, "found the text 'keras'"),
        ("pytorch", None, {"n_ps": 1}, "replicas.n_ps cannot"),
        ("tensorflow", "mpi", {"n_ps": 1}, "backend mpi"),
        ("tensorflow", None, {"n_workers": -1}, "n_workers"),
        ("tensorflow", None, {"worker": [{}]}, "worker[0].index: is required"),
    ],
)
def test_replicas_that_are_refused(
    framework: str | None, backend: str | None, replicas: dict[str, Any], message: str
) -> None:
    sections = {"framework": framework, "backend": backend, "environment": {"replicas": replicas}}
    assert message in refused({**EXPERIMENT, **sections})


def test_replicas_of_tensorflow() -> None:
    replicas = {"n_workers": 3, "n_ps": 1, "worker": [{"index": 2, "node_selector": {"pool": "big"}}]}
    environment = experiment(framework="tensorflow", environment={"replicas": replicas}).environment
    assert environment is not None
    assert environment.replicas.n_workers == 3  # type: ignore[attr-defined]


def test_an_error_survives_pickling() -> None:
    with pytest.raises(PolyaxonfileError) as caught:
        parse("a: 1")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.problems) == (str(caught.value), caught.value.problems)
