"""Whatever comes in, only PolyaxonfileError comes out."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyaxon_schemas import PolyaxonfileError, merge, parse, read
from polyaxon_schemas.run import fold

WORDS = """
    version kind name tags params inputs outputs environment build run cmd image hptuning matrix values range uniform
    resources cpu limits labels random_search n_experiments early_stopping metric value type default replicas
    n_workers framework backend logging level seed declarations persistence
"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=5)
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["{{ x }}", "{{ x", "{% for i in x %}{{ i }}{% endfor %}", "1:2:3", "1e-3", "{{ params.a }}", "int", "job"]
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
