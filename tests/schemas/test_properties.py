"""Whatever comes in, only PolyaxonfileError comes out."""

from __future__ import annotations

import contextlib
import gc
import json
import time
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyaxon_schemas import PolyaxonfileError, merge, parse, read
from polyaxon_schemas.json_schema import polyaxonfile_schema
from polyaxon_schemas.run import fold

WORDS = """
    version kind name tags params inputs outputs environment build run cmd image hptuning matrix values range uniform
    resources cpu limits labels random_search n_experiments early_stopping metric value type default replicas
    n_workers framework backend logging level seed declarations persistence env_vars timeout ttl max_retries
    restart_policy queue priority requests memory templates ops template dependencies is_optional options concurrency
    nvidia.com/gpu image_pull_secrets max_restarts node_selector schedule trigger conditions
"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=5)
TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "{{ x }}",
        "{{ x",
        "{% for i in x %}{{ i }}{% endfor %}",
        "1:2:3",
        "1e-3",
        "{{ params.a }}",
        "int",
        "job",
        "5m",
        "1Gi",
        "OnFailure",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["experiment", "group", "job", "build", "notebook", "tensorboard", "pipeline"])
FILES = st.builds(
    lambda kind, data: {**data, "version": 1, "kind": kind}, KINDS, st.dictionaries(KEYS, VALUES, max_size=6)
)
SLOW = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[Any]:
    """Right twelve times out of thirteen, so that whole files often are."""
    return st.integers(0, 12).flatmap(lambda number: good if number else bad)


def section(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


NAMES = st.sampled_from(["a", "b", "c"])
COUNTS = mostly(st.integers(0, 5) | st.sampled_from(["3", None, 1.5]))
AMOUNTS = mostly(st.integers(0, 5) | st.sampled_from(["500m", "0.5", None]))
SIZES = mostly(st.integers(0, 5) | st.sampled_from(["1Gi", "512", None]))
LABELS = mostly(st.dictionaries(NAMES, st.text(max_size=5) | st.booleans() | st.integers(), max_size=2))
LISTS = mostly(st.none() | st.lists(NAMES, max_size=2))
RESOURCES = section(
    cpu=AMOUNTS | section(limits=AMOUNTS) | section(requests=AMOUNTS),
    memory=SIZES | section(limits=SIZES, requests=st.just(0)),
    gpu=mostly(section(limits=COUNTS)),
) | section(
    limits=section(**{"cpu": AMOUNTS, "memory": SIZES, "nvidia.com/gpu": COUNTS, "tpu": COUNTS}),
    requests=section(cpu=st.just(0)),
)
ENVIRONMENTS = section(
    resources=RESOURCES,
    labels=LABELS,
    env_vars=LABELS | st.lists(st.tuples(NAMES, st.text(max_size=5)).map(list), max_size=1),
    timeout=mostly(st.integers(1, 9) | st.sampled_from(["5m", "1d", None, "9"])),
    ttl=COUNTS,
    max_retries=COUNTS,
    restart_policy=mostly(st.sampled_from(["never", "OnFailure", "on_failure", None]), st.just("always")),
    priority=COUNTS,
    queue=mostly(NAMES),
    tolerations=mostly(st.lists(LABELS, max_size=2)),
    configmap_refs=LISTS,
    persistence=mostly(st.none() | section(data=st.lists(NAMES), outputs=NAMES)),
)
IMAGES = mostly(st.sampled_from(["python:3", "host:5000/a", "a@sha256:0", 3]), TEXTS)
BUILDS = st.fixed_dictionaries(
    {"image": IMAGES},
    optional={"nocache": mostly(st.sampled_from(["yes", True, 0, None])), "commit": st.integers() | st.none()},
)
TYPES = {"int": 3, "float": 1, "str": "a", "bool": "yes", "list": [1], "uri": "u:p@h", None: {"x": [None]}}
INPUTS = mostly(
    st.tuples(NAMES, st.sampled_from(list(TYPES))).map(
        lambda pair: {"name": pair[0], "type": pair[1], "is_optional": True, "default": TYPES[pair[1]]}
    )
)
TEMPLATES = st.sampled_from(["{{ a }}", "{% if b %}x{% endif %}", "{{ c | default(1) }}", "x", "python a.py \\\n -b"])
COMMANDS = mostly(TEMPLATES | st.lists(TEMPLATES, max_size=2), TEXTS)
LIKELY = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "kind": mostly(st.sampled_from(["experiment", "job"]), st.sampled_from(["build", "notebook", "group"])),
        "run": section(cmd=COMMANDS).filter(bool),
    },
    optional={
        "environment": ENVIRONMENTS,
        "build": mostly(BUILDS),
        "inputs": st.lists(INPUTS, max_size=2),
        "tags": mostly(st.lists(st.text(max_size=3) | st.integers(), max_size=2)),
        "backend": mostly(st.sampled_from(["native", "other"])),
        "logging": mostly(section(level=st.sampled_from(["info", "WARNING", None]))),
    },
)
REFERENCES = st.sampled_from([1, "{{ ops.a.outputs.b }}", "{{ ops.c.outputs.a }}"])


def _named(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "name": name} for item, name in zip(items, "abc", strict=False)]


OPERATIONS = st.fixed_dictionaries(
    {"template": st.fixed_dictionaries({"name": st.sampled_from(["a", "a", "a", "b"])})},
    optional={
        "dependencies": st.lists(NAMES, max_size=2),
        "params": st.dictionaries(
            NAMES, st.sampled_from([1, "{{ ops.a.outputs.b }}", "{{ ops.c.outputs.a }}"]), max_size=2
        ),
        "conditions": st.fixed_dictionaries({"kind": st.just("status"), "op": NAMES, "trigger": st.just("done")}),
    },
)
PIPELINES = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "kind": st.just("pipeline"),
        "templates": st.lists(LIKELY, min_size=1, max_size=2).map(_named),
        "ops": st.lists(OPERATIONS, min_size=1, max_size=3).map(_named),
    }
)
VALIDATOR = jsonschema_rs.Draft202012Validator(polyaxonfile_schema())
MOST_SECONDS = 1.0  # of processor time; a tenth of one is much, even for a slow machine


@pytest.fixture(autouse=True, scope="module")
def _only_our_garbage() -> Iterator[None]:
    """What the runner of the tests holds is not looked through while a file is timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _check_reasons(error: PolyaxonfileError) -> None:
    assert len(str(error).splitlines()) >= len(error.problems) > 0
    assert all(problem.message for problem in error.problems)


@SLOW
@given(FILES | st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_mapping_parses_or_is_refused(data: dict[str, Any]) -> None:
    try:
        specification = parse(data)
    except PolyaxonfileError as error:
        _check_reasons(error)
        return
    assert parse(specification.to_text()).raw == specification.raw
    with contextlib.suppress(PolyaxonfileError):
        assert isinstance(specification.render().command, str)


@SLOW
@given(LIKELY | PIPELINES | FILES)
def test_any_file_is_settled_in_bounded_time_and_the_schema_takes_what_is_accepted(data: dict[str, Any]) -> None:
    start = time.process_time()
    try:
        specification = parse(data)
    except PolyaxonfileError as error:
        _check_reasons(error)
    else:
        assert parse(specification.to_text()).raw == specification.raw
        assert VALIDATOR.is_valid(json.loads(specification.to_text())), data
        for operation in specification.operations:
            assert all(other != operation.name for other in operation.upstream)
    assert time.process_time() - start < MOST_SECONDS


@SLOW
@given(st.text(max_size=200) | VALUES.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        data = read(text)
    except PolyaxonfileError as error:
        _check_reasons(error)
    else:
        json.dumps(data, allow_nan=False)


@SLOW
@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), VALUES, max_size=4), TEXTS)
def test_any_params_render_or_are_refused(params: dict[str, Any], text: str) -> None:
    data = {"version": 1, "kind": "experiment", "params": params, "run": {"cmd": text}}
    try:
        rendered = parse(data).render()
    except PolyaxonfileError as error:
        _check_reasons(error)
    else:
        json.dumps(rendered.params, allow_nan=False)
        assert isinstance(rendered.command, str)


@SLOW
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_merging_agrees_with_itself(layers: list[dict[str, Any]]) -> None:
    with contextlib.suppress(PolyaxonfileError):
        assert merge([merge(layers)]) == merge(layers)


@SLOW
@given(st.text(alphabet=" \\\n'\"ab$", max_size=60))
def test_folding_leaves_nothing_to_fold(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert "  " not in once or "'" in once or '"' in once
