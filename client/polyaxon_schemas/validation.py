"""Turns what the models find into located problems that say what is expected."""

from __future__ import annotations

import difflib
import itertools
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from polyaxon_schemas.kinds import KINDS, MODELS, Header
from polyaxon_schemas.located import mark_at
from polyaxon_schemas.problems import MAX_PROBLEMS, Path, Problem, describe
from polyaxon_schemas.sandbox import is_template

_MOVED = {
    "matrix": "it belongs into hptuning",
    "env": "use environment",
    "model": "put the command into run.cmd",
    "train": "put the command into run.cmd",
    "eval": "put the command into run.cmd",
    "settings": "use environment, logging or hptuning",
    "project": "the project is named when the file is run",
    "git": "the project's own repository is used",
    "cmd": "it belongs into run",
    "env_vars": "they belong into environment (for the run) or build (for its image)",
    **dict.fromkeys(
        ("ttl", "timeout", "max_retries", "restart_policy", "queue", "priority", "resources", "security_context"),
        "it belongs into environment",
    ),
}
_LONGEST_WORD, _MOST_WORDS = 64, 1000
_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def located(data: Any, path: Path, message: str) -> Problem:
    """A problem with the line that ``path`` was read from."""
    mark = mark_at(data, path)
    return Problem(path, message, mark.line if mark else None, mark.source if mark else None)


def check_header(data: Mapping[str, Any], expected_kind: str | None) -> list[Problem]:
    """Problems with version and kind, which decide how the rest is read."""
    problems = [(("version",), _version_problem(data)), (("kind",), _kind_problem(data, expected_kind))]
    return [located(data, path, message) for path, message in problems if message]


def _version_problem(data: Mapping[str, Any]) -> str | None:
    if "version" not in data:
        return "is required; write version: 1"
    version = data["version"]
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        if version == 1:
            return None
        if version > 1:
            return _newer_format(version)
    if isinstance(version, str) and version.startswith("1."):
        return _newer_format(version)
    return f"expected 1, found {describe(version)}"


def _newer_format(version: Any) -> str:
    return f"version {version} is a different format, of later Polyaxon releases; this platform reads version: 1"


def _kind_problem(data: Mapping[str, Any], expected: str | None) -> str | None:
    if "kind" not in data:
        return f"is required; expected one of {', '.join(KINDS)}"
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        return f"expected one of {', '.join(KINDS)}, found {describe(kind)}{suggestion(kind, KINDS)}"
    if expected is not None and kind != expected:
        return f"expected {expected}, found {kind}"
    return None


def nearest_kind(data: Mapping[str, Any]) -> str | None:
    """The kind that the rest of a file is to be read as, also when its name is misspelt."""
    kind = data.get("kind")
    if isinstance(kind, str) and len(kind) <= _LONGEST_WORD:
        if kind in MODELS:
            return kind
        return next(iter(difflib.get_close_matches(kind.lower(), KINDS, n=1)), None)
    return None


def validate(data: Mapping[str, Any], kind: str, *, templates: bool = False) -> tuple[Header | None, list[Problem]]:
    """The typed file, or None, and its problems.

    With ``templates``, text that is yet to be rendered is not held to the type of its field.
    """
    model = MODELS[kind]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = _relevant(error.errors(include_url=False), templates=templates)
        return None, problems_of(details, data, model, moved=_MOVED)


def problems_of(
    details: Iterable[Any], data: Any, model: type[BaseModel], *, moved: Mapping[str, str] | None = None
) -> list[Problem]:
    """What pydantic says of ``data``, by line; ``moved`` tells where keys belong that are often misplaced."""
    problems = [
        located(data, _path(detail["loc"], data), _message(detail, model, moved or {}))
        for detail in itertools.islice(details, MAX_PROBLEMS)
    ]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _relevant(details: Iterable[Any], *, templates: bool) -> Iterator[Any]:
    return (detail for detail in details if not (templates and is_template(detail["input"])))


def _path(loc: tuple[Any, ...], data: Any) -> Path:
    """A location without the names that the validator adds for the members of a union."""
    path: list[Any] = []
    for key in loc:
        is_missing = not _has(data, key)
        if is_missing and key != loc[-1]:
            continue
        path.append(key)
        data = None if is_missing else data[key]
    return tuple(path)


def _has(data: Any, key: Any) -> bool:
    if isinstance(data, Mapping):
        return key in data
    return isinstance(data, (list, tuple)) and isinstance(key, int) and key < len(data)


def _message(detail: Any, model: type[BaseModel], moved: Mapping[str, str]) -> str:  # noqa: PLR0911 - one per kind of error
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return _unknown_key(detail["loc"], model, moved)
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {describe(found)}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind in {"literal_error", "union_tag_invalid"}:
        expected = context.get("expected") or context.get("expected_tags")
        return f"expected {expected}, found {_found(found, context)}"
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        return f"{detail['msg'].replace('Input should be', 'must be')}, found {describe(found)}"
    if kind == "too_short":
        return f"expected at least {context['min_length']}, found {context['actual_length']}"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters, found {describe(found)}"
    return str(detail["msg"])


def _found(found: Any, context: Mapping[str, Any]) -> str:
    return repr(context["tag"]) if "tag" in context else describe(found)


def _unknown_key(loc: tuple[Any, ...], model: type[BaseModel], moved: Mapping[str, str]) -> str:
    key = str(loc[-1])
    known = _known_keys(model, loc[:-1])
    if key in moved:
        return f"unknown key; {moved[key]}"
    hint = suggestion(key, known)
    return f"unknown key{hint}" if hint else f"unknown key; expected one of {', '.join(known)}"


def suggestion(word: Any, known: Iterable[str]) -> str:
    """``; did you mean 'image'?``, or nothing when no known word is near."""
    text = str(word)[:_LONGEST_WORD].lower()
    close = difflib.get_close_matches(text, list(itertools.islice(known, _MOST_WORDS)), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _known_keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    models = [model]
    for key in path:
        fields = [
            field.annotation for m in models for name, field in m.model_fields.items() if (field.alias or name) == key
        ]
        models = [found for annotation in fields for found in _models_in(annotation)] or models
    return list(dict.fromkeys(field.alias or name for each in models for name, field in each.model_fields.items()))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in typing.get_args(annotation) for found in _models_in(argument)]
