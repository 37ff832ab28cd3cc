"""Reading, limits and merging."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from polyaxon_schemas import PolyaxonfileError, discover, merge, parse, read, read_file

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.0e-3", 0.001),
        ("1:10:2", "1:10:2"),
        ("1:5", "1:5"),
        ("010", "010"),
        ("0x10", 16),
        ("1_000", 1000),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("2019-01-01", "2019-01-01"),
        ("12e4567", "12e4567"),
        (".inf", "inf"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("-5", -5),
        (".5", 0.5),
    ],
)
def test_scalars_are_read_as_people_mean_them(text: str, value: object) -> None:
    found = read(f"x: {text}\n")["x"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_written() -> None:
    assert list(read("on: 1\n1: 2\n1.50: 3\n")) == ["on", "1", "1.50"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "too much data"),
        ("[" * 100_000, "more than 100 levels"),
        ("- " * 50_000, "more than 100 levels"),
        ("a: [" + "{}," * 300_000 + "]", "too much data"),
        ('{"a": [' + "[]," * 300_000 + "1]}", "too much data"),
        ("a: &a [*a]", "contains it"),
        ("a: *b", "no anchor"),
        ("x: " + "y" * 1_100_000, "larger than 1 MB"),
        ("a: 1\n---\nb: 2", "line 2: a polyaxonfile holds one YAML document"),
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("", "is empty"),
        ("[1]", "expected a mapping"),
        ("polyaxonfile.yml", "expected a mapping"),
        ("a:\n\t- b", "line 2: not valid YAML"),
        ("{a: 1, b", "not valid YAML"),
        ("? [1, 2]\n: 3", "a key must be text"),
        ("<<: 5", "'<<' takes a mapping"),
        ('{"a": "\\u0000"}', "NUL"),
        ('{"a": "\\ud800"}', "surrogate"),
    ],
)
def test_unusable_text_is_refused_quickly(text: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(PolyaxonfileError, match=message):
        read(text)
    assert time.process_time() - start < 20


@pytest.mark.parametrize("text", ["{'x': -" + "-" * 500_000 + "1}", "{'" + "\\'" * 400_000, "{" + "0xe-" * 200_000])
def test_python_text_made_to_overflow_the_parser_is_harmless(text: str) -> None:
    # As YAML the first of them is a mapping with a long text, the others are nothing.
    if text.endswith("}"):
        assert isinstance(read(text)["x"], str)
    else:
        with pytest.raises(PolyaxonfileError, match="not valid YAML"):
            read(text)


def test_anchors_and_merge_keys_work() -> None:
    data = read("base: &b {a: 1, b: 2}\nrun:\n  <<: *b\n  b: 3\n")
    assert data["run"] == {"a": 1, "b": 3}


def test_a_repeated_key_counts_last_and_warns() -> None:
    text = "version: 1\nkind: experiment\nparams: {a: 1}\nparams: {a: 2}\n"
    specification = parse(text)
    assert specification.params == {"a": 2}
    assert "twice" in specification.warnings[0]


def test_json_and_python_literal_text_are_read() -> None:
    data = {"version": 1, "kind": "experiment", "run": {"cmd": "a \\\n b"}, "params": {"x": None, "y": True}}
    assert read(json.dumps(data)) == data
    assert read(repr(data)) == data
    assert read("{version: 1, kind: job}") == {"version": 1, "kind": "job"}


def test_files_are_read_by_extension(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read(tmp_path / "a.yml") == read_file(tmp_path / "a.json") == {"a": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"a: 1", "ends in .yaml"),
        ("missing.yml", None, "no such file"),
        ("a.yml", b"\xff\xfe", "UTF-8"),
        ("b.yml", b"a: b: c", r"b\.yml:1: not valid YAML"),
        ("c.yml", b"x" * 1_100_000, "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_names_itself(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PolyaxonfileError, match=message) as caught:
        read(tmp_path / name)
    assert caught.value.source == str(tmp_path / name)


def test_text_never_names_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.yml"
    path.write_text("version: 1\nkind: experiment\n")
    for reader in (read, parse):
        with pytest.raises(PolyaxonfileError, match="expected a mapping"):
            reader(str(path))


def test_discovery_goes_by_name_then_extension(tmp_path: Path) -> None:
    assert discover(tmp_path) is None
    for name in ("polyaxonfile.yaml", "polyaxon.json", "polyaxonci.yml", "polyaxon.yml"):
        (tmp_path / name).write_text("{}")
    assert discover(tmp_path) == tmp_path / "polyaxon.yml"


def test_merging_is_deep_and_later_wins() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}
    assert merge([base, {"a": {"c": [3], "g": 4}, "d": {"h": 1}, "e": None}]) == {
        "a": {"b": 1, "c": [3], "g": 4},
        "d": {"h": 1},
        "e": None,
    }
    assert base["a"] == {"b": 1, "c": [1, 2]}


def test_params_merge_over_declarations() -> None:
    layers = [{"version": 1, "kind": "experiment", "declarations": {"a": 1, "b": 2}}, {"params": {"a": "3"}}]
    specification = parse(merge(layers))
    assert specification.render().params == {"a": 3, "b": 2}
    assert any("declarations" in warning for warning in specification.warnings)


def test_a_problem_names_the_file_that_holds_it(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("version: 1\nkind: experiment\n")
    (tmp_path / "b.yml").write_text("environment:\n  lables: {}\n")
    with pytest.raises(PolyaxonfileError) as caught:
        parse(merge([read(tmp_path / "a.yml"), read(tmp_path / "b.yml")]))
    assert str(caught.value) == f"{tmp_path}/b.yml:2: environment.lables: unknown key; did you mean 'labels'?"


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), 10**400])
def test_values_that_json_cannot_hold_are_refused(value: object) -> None:
    with pytest.raises(PolyaxonfileError):
        parse({"version": 1, "kind": "experiment", "params": {"x": value}})


def test_a_mapping_that_contains_itself_is_refused() -> None:
    data: dict[str, object] = {}
    data["x"] = data
    with pytest.raises(PolyaxonfileError, match="nested"):
        read(data)
