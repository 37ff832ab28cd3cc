"""What 0.6 did that nobody meant, and what it recommends to a successor: each with what holds here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Rendered, Specification, merge, parse, read
from polyaxon_schemas.replicas import replicas_of

EXPERIMENT: dict[str, Any] = {"version": 1, "kind": "experiment"}


def spec(**sections: Any) -> Specification:
    return parse({**EXPERIMENT, **sections})


def render(**sections: Any) -> Rendered:
    return spec(**sections).render()


def refusal(data: Any, **options: Any) -> str:
    with pytest.raises(PolyaxonfileError) as caught:
        parse(data, **options)
    return str(caught.value)


def refused(**sections: Any) -> str:
    return refusal({**EXPERIMENT, **sections})


def group(**hptuning: Any) -> dict[str, Any]:
    """A search over one value, unless its section says otherwise."""
    return {"version": 1, "kind": "group", "hptuning": {"matrix": {"a": {"values": [1]}}, **hptuning}}


def matrix(text: str) -> Any:
    """The one option of a search, written as YAML."""
    file = f"version: 1\nkind: group\nhptuning:\n  random_search: {{n_experiments: 1}}\n  matrix:\n    a: {{{text}}}\n"
    hptuning = parse(file).hptuning
    assert hptuning is not None
    return hptuning.matrix["a"].option


# -- accepted since 0.6 --


@pytest.mark.parametrize(
    ("sections", "key", "value"),
    [
        ({"declarations": {"a": 1}}, "params", {"a": 1}),
        ({"environment": {"configmap_refs": ["a"]}}, "config_map_refs", ["a"]),
        ({"environment": {"persistence": {"data": ["a"], "outputs": "b"}}}, "artifact_refs", ["b"]),
        ({"environment": {"max_restarts": "3"}}, "max_restarts", 3),
        ({"environment": {"max_restarts": 3.5}}, "max_restarts", 3),
    ],
)
def test_wart_old_names_and_numeric_text_are_accepted(sections: dict[str, Any], key: str, value: Any) -> None:
    rendered = render(**sections)
    found = rendered.params if key == "params" else getattr(rendered.environment, key)
    assert found == value


@pytest.mark.parametrize("key", ["labels", "annotations"])
@pytest.mark.parametrize("kind", ["experiment", "group"])
def test_wart_labels_of_experiments_and_groups_do_not_crash(kind: str, key: str) -> None:
    search = {"hptuning": {"matrix": {"a": {"values": [1]}}}} if kind == "group" else {}
    environment = parse({"version": 1, "kind": kind, "environment": {key: {"a": "b"}}, **search}).environment
    assert getattr(environment, key) == {"a": "b"}


def test_wart_whole_numbers_are_floats() -> None:
    inputs = [{"name": "a", "type": "float"}, {"name": "b", "type": "float", "is_optional": True, "default": 4}]
    assert render(inputs=inputs, params={"a": 3}).params == {"a": 3, "b": 4}


@pytest.mark.parametrize("level", ["WARNING", "warning", "info"])
def test_wart_levels_in_any_case_and_warning(level: str) -> None:
    assert render(logging={"level": level}).log_level in {"WARN", "INFO"}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"cpu": 1}, {"cpu": {"limits": 1}}),
        ({"cpu": "500m"}, {"cpu": {"limits": 0.5}}),
        ({"memory": {"requests": "1Gi", "limits": "2G"}}, {"memory": {"requests": 1024, "limits": 2e9 / 2**20}}),
        ({"limits": {"cpu": "250m", "memory": "64Mi"}}, {"cpu": {"limits": 0.25}, "memory": {"limits": 64}}),
        ({"limits": {"memory": 2**30}, "requests": {"memory": 2**29}}, {"memory": {"limits": 1024, "requests": 512}}),
        ({"limits": {"nvidia.com/gpu": 2}}, {"gpu": {"limits": 2}}),
        ({"limits": {"amd.com/gpu": "1"}, "cpu": 2}, {"cpu": {"limits": 2}, "gpu": {"limits": 1}}),
    ],
)
def test_wart_short_forms_and_kubernetes_notation(resources: dict[str, Any], expected: dict[str, Any]) -> None:
    environment = render(environment={"resources": resources}).environment
    assert environment is not None
    assert environment.resources is not None
    assert environment.resources.model_dump(exclude_none=True) == expected


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpu": 1, "limits": {"cpu": 2}}, "cpu is given twice"),
        ({"limits": {"disk": 2}}, "resources.limits.disk: unknown key; expected one of cpu, memory, nvidia.com/gpu"),
        ({"limits": {"memory": "1X"}}, "resources.limits.memory: expected a number or a quantity"),
        ({"limits": {"cpu": 1}, "requests": {"cpu": 2}}, "must not be more than limits"),
        ({"cpu": {"requests": -1}}, "must be greater than or equal to 0"),
    ],
)
def test_wart_resources_that_make_no_sense_are_refused(resources: dict[str, Any], message: str) -> None:
    assert message in refused(environment={"resources": resources})


def test_wart_the_backend_external_of_the_documents_is_accepted() -> None:
    assert spec(backend="external").backend == "external"


def test_wart_a_pipelines_description_is_any_text() -> None:
    job = {"version": 1, "kind": "job", "name": "t", "build": {"image": "a"}, "run": {"cmd": "a"}}
    pipeline = {"version": 1, "kind": "pipeline", "templates": [job], "ops": [{"name": "o", "template": {"name": "t"}}]}
    assert parse({**pipeline, "description": "Two words."}).description == "Two words."


# -- crashes of 0.6 are ordinary errors with a place --


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**EXPERIMENT, "kind": ["job"]}, "kind: expected one of"),
        ({**EXPERIMENT, "version": "1"}, "version: expected 1, found the text '1'"),
        ({**EXPERIMENT, "version": None}, "version: expected 1, found nothing"),
        ({**EXPERIMENT, "params": "a"}, "params: expected a mapping"),
        ({**EXPERIMENT, "params": {"a": "x{{ a }}"}}, "params.a: refers to itself: a -> a"),
        ({**EXPERIMENT, "inputs": [{"type": "int"}]}, "inputs[0].name: is required"),
        ({**EXPERIMENT, "run": {}}, "run.cmd: is required"),
        ({**EXPERIMENT, "run": {"cmd": "{{ a"}}, "run.cmd: template syntax"),
        ({**EXPERIMENT, "params": {"a": "{{ jobs.12.outputs.b }}"}}, "params.a: jobs refers to what another run puts"),
        ({**EXPERIMENT, "params": {"a": "{{ ops.x.outputs.b }}"}}, "params.a: ops refers to what another run puts"),
        (group(matrix={}), "hptuning.matrix: expected a mapping of at least"),
        (group(matrix={"a": {"range": {"start": 1, "stop": 2, "x": 1}}}), "hptuning.matrix.a.range"),
        (group(matrix={"a": {"uniform": ["nan", 1]}}), "hptuning.matrix.a.uniform.low: expected a number"),
        (group(bo={}), "hptuning.bo.n_initial_trials: is required"),
        (group(early_stopping=[{"value": 1}]), "hptuning.early_stopping[0].metric: is required"),
    ],
)  # fmt: skip
def test_wart_crashes_are_errors_with_a_place(data: dict[str, Any], message: str) -> None:
    assert message in refusal(data)


# -- numbers --


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("range: 1:10:2", [1, 10, 2]),
        ("uniform: 1:5", [1, 5]),
        ("uniform: -5:5", [-5, 5]),
        ("linspace: 0.01:0.1:5", [0.01, 0.1, 5]),
        ("logspace: '-4:-1:4'", [-4, -1, 4, 10]),
    ],
)
def test_wart_ranges_are_not_read_as_base_60(text: str, expected: list[float]) -> None:
    assert matrix(text).arguments() == expected


def test_wart_exponents_without_a_point_are_numbers() -> None:
    assert matrix("values: [1e-3, 1E-4, 010, 0o10]").items == [0.001, 0.0001, "010", 8]


def test_wart_exponents_are_kept_with_a_warning() -> None:
    file = {"version": 1, "kind": "group", "hptuning": {"random_search": {"n_experiments": 1}}}
    file["hptuning"]["matrix"] = {"a": {"logspace": "0.01:0.1:5"}}  # type: ignore[index]
    assert parse(file).warnings == ["hptuning.matrix.a: logspace takes exponents; 0.01:0.1 gives values just above 1"]


# -- params, matrix, templates --


def test_wart_the_matrix_wins_over_params_with_a_warning() -> None:
    search = parse(
        {
            "version": 1,
            "kind": "group",
            "params": {"lr": 5},
            "hptuning": {"matrix": {"lr": {"values": [1, 2]}}},
            "run": {"cmd": "a {{ lr }}"},
        }
    )
    assert search.warnings == ["'lr' is in params and in the matrix; the matrix wins"]
    assert parse(search.trial_content({"lr": 2})).render().command == "a 2"


def test_wart_a_default_does_not_win_over_the_matrix_nor_does_a_required_input_refuse_it() -> None:
    inputs = [{"name": "lr", "type": "float"}, {"name": "n", "type": "int", "is_optional": True, "default": 9}]
    search = parse(
        {
            "version": 1,
            "kind": "group",
            "inputs": inputs,
            "hptuning": {"matrix": {"lr": {"values": [0.5]}, "n": {"values": [1]}}},
            "run": {"cmd": "a {{ lr }} {{ n }}"},
        }
    )
    assert parse(search.trial_content({"lr": 0.5, "n": 1})).render().command == "a 0.5 1"


def test_wart_the_resource_of_hyperband_satisfies_an_input() -> None:
    hyperband = {"max_iter": 9, "eta": 3, "resource": {"name": "epochs", "type": "int"}, "metric": {"name": "loss"}}
    search = {
        "version": 1,
        "kind": "group",
        "inputs": [{"name": "epochs", "type": "int"}, {"name": "lr", "type": "float"}],
        "hptuning": {"hyperband": hyperband, "matrix": {"lr": {"uniform": [0, 1]}}},
        "run": {"cmd": "a {{ lr }} {{ epochs }}"},
    }
    assert parse(search, strict=True).render().command == "a 0 1"


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"build": {"image": "a", "commit": "1234567"}}, ("build", "commit")),
        ({"build": {"image": "123"}}, ("build", "image")),
        ({"build": {"image": "a", "branch": "1e3"}}, ("build", "branch")),
        ({"environment": {"node_selector": {"n": "1"}}}, ("environment", "node_selector")),
    ],
)
def test_wart_text_that_looks_like_a_number_stays_text(sections: dict[str, Any], path: tuple[str, str]) -> None:
    found = getattr(getattr(render(**sections), path[0]), path[1])
    assert found == sections[path[0]][path[1]]


def test_wart_commands_steps_and_tags_of_digits_are_accepted() -> None:
    rendered = render(run={"cmd": "123"}, build={"image": "a", "build_steps": ["12"]}, tags=["1", 2])
    assert (rendered.command, rendered.tags) == ("123", ["1", "2"])
    assert rendered.build is not None
    assert rendered.build.build_steps == ["12"]


def test_wart_flags_given_as_text_are_read() -> None:
    inputs = [{"name": "v", "type": "bool", "is_flag": True}]
    assert render(inputs=inputs, params={"v": "false"}, run={"cmd": "a {{ v }}"}).command == "a"


def test_wart_params_of_the_command_line_go_with_declarations() -> None:
    layers = [{**EXPERIMENT, "declarations": {"a": 1}}, {"params": {"a": "2"}}]
    assert parse(merge(layers)).render().params == {"a": 2}


def test_wart_typed_params_may_refer_to_others() -> None:
    inputs = [{"name": "a", "type": "int"}, {"name": "b", "type": "str"}]
    assert render(inputs=inputs, params={"a": 1, "b": "n{{ a }}"}).params == {"a": 1, "b": "n1"}


def test_wart_raw_blocks_protect() -> None:
    assert render(params={"x": 1}, run={"cmd": "{% raw %}{{ x }}{% endraw %}"}).command == "{{ x }}"


def test_wart_numbers_may_be_templates() -> None:
    environment = {"max_restarts": "{{ n }}", "resources": {"cpu": "{{ n }}"}}
    rendered = render(params={"n": 2}, environment=environment, build={"image": "py:{{ n }}"})
    assert rendered.environment is not None
    assert rendered.environment.max_restarts == 2
    assert rendered.build is not None
    assert rendered.build.image == "py:2"


def test_wart_templates_do_not_reach_python() -> None:
    assert render(run={"cmd": "a {{ ''.__class__.__mro__ }}"}).command == "a"


def test_wart_names_without_a_value_are_empty_unless_strict() -> None:
    file = {**EXPERIMENT, "params": {"rate": 1}, "run": {"cmd": "a {{ rat }}"}}
    assert parse(file).warnings == ["'rat' has no value; it renders as empty text"]
    assert refusal(file, strict=True) == "run.cmd: 'rat' has no value; did you mean 'rate'?"


@pytest.mark.parametrize("cmd", ["{{ x | default(1) }}", "{% if x is defined %}a{% endif %}", "{% if x %}a{% endif %}"])
def test_strict_lets_templates_ask_whether_there_is_a_value(cmd: str) -> None:
    assert parse({**EXPERIMENT, "run": {"cmd": cmd}}, strict=True).kind == "experiment"


def test_wart_trials_keep_their_templates() -> None:
    search = parse(
        {"version": 1, "kind": "group", "hptuning": {"matrix": {"a": {"values": [1]}}}, "run": {"cmd": "x {{ a }}"}}
    )
    content = search.trial_content({"a": 1})
    assert content["run"] == {"cmd": "x {{ a }}"}
    assert parse(content).render({"a": 7}).command == "x 7"


# -- replicas --


def test_wart_entries_of_replicas_that_there_are_not_are_warned_about() -> None:
    replicas = {"n_workers": 1, "worker": [{"index": 5}]}
    warnings = spec(framework="tensorflow", environment={"replicas": replicas}).warnings
    assert warnings == ["environment.replicas.worker[0] (index 5): there is no such replica; it is not used"]


@pytest.mark.parametrize(
    ("framework", "backend", "replicas", "roles"),
    [
        ("tensorflow", None, {"n_workers": 2, "n_ps": 1}, ["master", "worker", "worker", "ps"]),
        ("mxnet", None, {"n_workers": 1, "n_ps": 1}, ["master", "worker", "server"]),
        ("pytorch", "kubeflow", {"n_workers": 2}, ["master", "worker", "worker"]),
        ("horovod", None, {"n_workers": 1}, ["master", "worker"]),
        ("horovod", "mpi", {"n_workers": 2}, ["worker", "worker"]),
        ("tensorflow", None, {"n_workers": 0}, ["master"]),
    ],
)
def test_replicas_of_each_framework(
    framework: str, backend: str | None, replicas: dict[str, Any], roles: list[str]
) -> None:
    rendered = render(framework=framework, backend=backend, environment={"replicas": replicas})
    assert [replica.role for replica in rendered.replicas] == roles


def test_a_replica_has_its_own_settings_key_by_key_over_those_of_its_role() -> None:
    default = {"resources": {"cpu": 1}, "node_selector": {"pool": "small"}, "env_vars": {"A": 1}}
    own = [{"index": 1, "node_selector": {"pool": "big"}}, {"index": 1, "node_selector": {"pool": "huge"}}]
    environment = {"replicas": {"n_workers": 2, "default_worker": default, "worker": own}}
    first, second = render(framework="pytorch", environment=environment).replicas[1:]
    assert first.environment is not None
    assert second.environment is not None
    assert (first.environment.node_selector, second.environment.node_selector) == ({"pool": "small"}, {"pool": "huge"})
    assert second.environment.resources == first.environment.resources
    assert second.environment.env_vars == {"A": "1"}


def test_a_run_that_is_not_distributed_is_its_own_replica() -> None:
    assert [(each.role, each.environment) for each in replicas_of(None, None, None)] == [("master", None)]


# -- extensions --


@pytest.mark.parametrize(
    "given",
    [
        {"A": "1", "B": "true", "C": ""},
        {"A": 1, "B": True, "C": None},
        [["A", 1], ["B", True], ["C", None]],
        [{"name": "A", "value": 1}, {"name": "B", "value": True}, {"name": "C", "value": ""}],
    ],
)
def test_env_vars_in_each_form(given: Any) -> None:
    assert render(environment={"env_vars": given}).env_vars == {"A": "1", "B": "true", "C": ""}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"env_vars": {"A B": 1}}, "environment.env_vars: expected names such as MY_NAME"),
        ({"env_vars": [["A"]]}, "environment.env_vars: item 0: expected [NAME, value]"),
        ({"env_vars": [["A", 1], ["A", 2]]}, "environment.env_vars: a name appears twice"),
        ({"env_vars": {"A": [1]}}, "environment.env_vars.A: expected text"),
        ({"env_vars": {"A": "x" * 200_000}}, "A is longer than 128 KB"),
        ({"timeout": 0}, "environment.timeout: must be greater than or equal to 1"),
        ({"timeout": "soon"}, "environment.timeout: expected a whole number"),
        ({"ttl": 2**40}, "environment.ttl: must be less than or equal to 2147483647"),
        ({"max_retries": -1}, "environment.max_retries: must be greater"),
        ({"restart_policy": "sometimes"}, "environment.restart_policy: expected 'never', 'on_failure' or 'always'"),
        ({"restart_policy": "Always"}, "environment: restart_policy always is for notebooks and tensorboards"),
        ({"queue": "a b"}, "environment.queue: expected letters"),
        ({"priority": "high"}, "environment.priority: expected a whole number"),
        ({"security_context": [1]}, "environment.security_context: expected a mapping"),
        ({"securityContext": {}}, "did you mean 'security_context'?"),
    ],
)
def test_extensions_are_checked(environment: dict[str, Any], message: str) -> None:
    assert message in refused(environment=environment)


@pytest.mark.parametrize("key", ["ttl", "timeout", "max_retries", "env_vars", "priority", "queue", "restart_policy"])
def test_keys_of_the_environment_at_the_top_are_told_where_they_belong(key: str) -> None:
    assert "into environment" in refused(**{key: 1})


def test_a_policy_with_every_default() -> None:
    policy = render().policy
    assert (policy.ttl, policy.timeout, policy.max_retries, policy.retries_failures) == (None, None, 0, False)
    assert (policy.queue, policy.priority) == (None, 0)


# -- errors --


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        "version: 2\nkind: experimnt\nenvironment:\n  configmap_refs: [a]\n  config_map_refs: [b]\n  lables: {}\n"
        "build:\n  image: a b\n  dockerfile: c\n  nocach: 1\nparams: {a: 1}\ndeclarations: {b: 1}\n"
    )
    (tmp_path / "b.yml").write_text("run:\n  cmd: '{{ x'\ninputs:\n  - {name: c}\n")
    text = refusal(merge([read(tmp_path / "a.yml"), read(tmp_path / "b.yml")]))
    for message in (
        "a.yml:1: version: version 2 is a different format",
        "a.yml:2: kind: expected one of",
        "did you mean 'experiment'?",
        "a.yml:3: environment: configmap_refs is the old name",
        "a.yml:6: environment.lables: unknown key; did you mean 'labels'?",
        "a.yml:7: build: expected exactly one of image, dockerfile and ref, found image, dockerfile",
        "a.yml:8: build.image: an image name has no spaces",
        "a.yml:10: build.nocach: unknown key; did you mean 'nocache'?",
        "a.yml:11: params.a: is not declared",
        "a.yml:12: declarations: is the old name of params",
        "b.yml:2: run.cmd: template syntax",
        "b.yml:4: inputs[0]: the input 'c' is required",
    ):
        assert message in text, text


def test_several_unreadable_files_are_all_named(tmp_path: Path) -> None:
    from polyaxon_schemas.reader import read_all

    (tmp_path / "a.yml").write_text("a: b: c")
    with pytest.raises(PolyaxonfileError) as caught:
        read_all([tmp_path / "a.yml", tmp_path / "missing.yml", {"a": 1}])
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/a.yml:1: not valid YAML: mapping values are not allowed in this context",
        f"{tmp_path}/missing.yml: no such file",
    ]


@pytest.mark.parametrize("kind", ["build", "notebook", "tensorboard"])
def test_wart_a_required_input_where_there_are_no_params_is_explained(kind: str) -> None:
    file = {"version": 1, "kind": kind, "inputs": [{"name": "a"}]}
    file.update({"image": "b"} if kind == "build" else {"build": {"image": "b"}})
    assert f"a {kind} takes no params" in refusal(json.dumps(file))
