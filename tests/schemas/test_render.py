"""Templates, params and the command."""

from __future__ import annotations

import time
from typing import Any

import pytest

from polyaxon_schemas import PolyaxonfileError, Rendered, parse
from polyaxon_schemas.run import fold, shell_text


def render(cmd: Any, params: dict[str, Any] | None = None, **sections: Any) -> Rendered:
    data = {"version": 1, "kind": "experiment", "run": {"cmd": cmd}, "params": params or {}, **sections}
    return parse(data).render()


@pytest.mark.parametrize(
    ("cmd", "params", "expected"),
    [
        ("a {{ x }} {{ y.z[1] }}", {"x": 1, "y": {"z": [1, 2]}}, "a 1 2"),
        ("{{ x }}", {"x": "0.7"}, "0.7"),
        ("{{ x }} {{ y }} {{ l }}", {"x": True, "y": None, "l": [1, 2]}, "True None [1, 2]"),
        ("{{ a }}", {"a": "{{ b }}x", "b": "{{ c }}", "c": 3}, "3x"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", {}, "012"),
        ("{% for a, b in d.items() if b > 1 %}{{ a }}{% else %}none{% endfor %}", {"d": {"x": 1, "y": 2}}, "y"),
        ("{{ 'a' ~ 1 ~ x }} {{ [1, 2][1:] }} {{ 2 in [2] }}", {"x": "b"}, "a1b [2] True"),
        ("{{ '%03d' % 5 }} {{ 'b,a'.split(',') | sort | join('-') }}", {}, "005 a-b"),
        ("{% with n = 3 %}{{ [1, 2, n] | batch(2) | list }}{% endwith %}", {}, "[[1, 2], [3]]"),
        ("{{ 'a b' | urlencode }} {{ 2048 | filesizeformat }} {{ 'a' | center(3) | trim }}", {}, "a%20b 2.0 kB a"),
        ("{{ x | default(4) }} {% if x is defined %}1{% endif %}", {}, "4"),
        ("{% raw %}{{ x }}{% endraw %} ${VAR} {y}", {"x": 1}, "{{ x }} ${VAR} {y}"),
    ],
)
def test_what_templates_can_do(cmd: str, params: dict[str, Any], expected: str) -> None:
    rendered = render(cmd, params)
    assert rendered.command == expected
    assert rendered.warnings == []


@pytest.mark.parametrize(
    ("cmd", "message"),
    [
        ("{% for i in range(10**12) %}{% endfor %}", "range"),
        ("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "too much work"),
        ("{% for i in x %}{% for j in x %}{% for k in x %}{% endfor %}{% endfor %}{% endfor %}", "too much work"),
        ("{{ 'a' * 10**9 }}", "too large"),
        ("{{ 10 ** (10 ** 10) }}", "too large"),
        ("{{ '%1000000000d' % 1 }}", "too large a width"),
        ("{{ 'a'.ljust(1000000000) }}", "cannot be called"),
        ("{{ 'aa'.replace('', 'b' * 100000) | replace('', 'b' * 100000) }}", "too large"),
        ("{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "too large"),
        ("{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}", "too large"),
        ("{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}", "'macro' blocks"),
        ("{% for i in x recursive %}{{ loop(x) }}{% endfor %}", "recursive"),
        ("{% include 'x' %}", "'include' blocks"),
        ("{{ ('a\\n' * 9000) | indent(900) }}", "too large"),
        ("{{ 'a' | nosuch }}", "No filter named"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ x", "template syntax"),
        ("{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", "nests too deeply"),
        ("x" * 200_000, "128 KB"),
        ("{{ 'a' * 500000 }}" * 3, "longer than 1 MB"),
    ],
)
def test_templates_that_are_refused_quickly(cmd: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(PolyaxonfileError, match=message) as caught:
        render(cmd, {"x": list(range(1000))})
    assert caught.value.problems[0].path == ("run", "cmd")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "cmd",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ x.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__class__ }}",
    ],
)
def test_no_way_into_python(cmd: str) -> None:
    rendered = render(cmd, {"x": {"a": 1}})
    assert rendered.command == ""


def test_unknown_names_are_empty_and_warned_about_once() -> None:
    rendered = render("a {{ lr }}{{ lr }}{{ x.y.z }}")
    assert rendered.command == "a"
    assert rendered.warnings == [
        "'lr' has no value; it renders as empty text",
        "'x' has no value; it renders as empty text",
    ]


@pytest.mark.parametrize("params", [{"a": "{{ a }}"}, {"a": "{{ b }}", "b": "{{ c }}", "c": "x{{ a }}"}])
def test_params_that_refer_to_themselves_are_refused(params: dict[str, str]) -> None:
    with pytest.raises(PolyaxonfileError, match="refers to itself"):
        render("{{ a }}", params)


def test_literals_in_params_are_evaluated() -> None:
    params = {"a": "1e-3", "b": "True", "c": "[1, 'x']", "d": "007", "e": "true", "f": "(1, 2)", "g": "{1}"}
    assert render("x", params).params == {
        "a": 0.001, "b": True, "c": [1, "x"], "d": "007", "e": "true", "f": [1, 2], "g": "{1}",
    }  # fmt: skip


def test_sections_are_rendered_into_their_types() -> None:
    rendered = render(
        "x",
        {"n": 2, "tag": "t"},
        environment={"max_restarts": "{{ n }}", "node_selector": {"{{ tag }}": "{{ n }}"}},
        build={"image": "py:{{ n }}", "build_steps": ["{{ n }}"]},
        tags=["{{ tag }}", "12"],
        logging={"level": "DEBUG"},
        framework="{{ tag }}",
    )
    assert rendered.environment is not None
    assert rendered.build is not None
    assert (rendered.environment.max_restarts, rendered.environment.node_selector) == (2, {"t": "2"})
    assert (rendered.build.image, rendered.build.build_steps) == ("py:2", ["2"])
    assert (rendered.tags, rendered.log_level, rendered.framework) == (["t", "12"], "DEBUG", "t")


def test_a_rendered_value_of_the_wrong_type_is_located() -> None:
    with pytest.raises(PolyaxonfileError, match=r"environment.max_restarts: expected a whole number"):
        render("x", {"n": "many"}, environment={"max_restarts": "{{ n }}"})


def test_a_build_file_renders_its_own_keys() -> None:
    data = {
        "version": 1,
        "kind": "build",
        "image": "python:{{ v }}",
        "inputs": [{"name": "v", "is_optional": True, "default": "3"}],
    }
    build = parse(data).render().build
    assert build is not None
    assert build.image == "python:3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python a.py \\\n   --x=1 \\\n  --y", "python a.py --x=1 --y"),
        ("python a.py \\  --x=1", "python a.py --x=1"),
        ("a.py\\ --x", "a.py --x"),
        ("a \\", "a"),
        ("  a\n\n  b\t c  ", "a b c"),
        ("echo 'b   c' \"d  e\" f  g", "echo 'b   c' \"d  e\" f g"),
        ("echo \\$HOME \\\"x  y\\\"", "echo \\$HOME \\\"x y\\\""),
        ("echo \"a \\\" b  c\"", "echo \"a \\\" b  c\""),
        ("echo it's  ok", "echo it's ok"),
        ("", ""),
    ],
)  # fmt: skip
def test_commands_fold_onto_one_line(text: str, expected: str) -> None:
    assert fold(text) == expected


def test_a_list_of_commands_is_joined() -> None:
    assert shell_text(["a  b", "c"]) == "a b && c"
    assert shell_text([]) == shell_text(None) == ""


def test_folding_is_quick_on_hostile_text() -> None:
    start = time.process_time()
    for text in ("\\" * 130_000 + "x", "'" * 130_001, '"\\' * 65_000, "\\'" * 65_000):
        fold(text)
    assert time.process_time() - start < 5
