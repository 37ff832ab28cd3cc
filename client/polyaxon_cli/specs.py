"""Polyaxonfiles as the commands take them: files of `-f`, parameters of `-P`, one validated specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_cli.errors import EXIT_WRONG_KIND, CliError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_schemas import Specification

DEFAULT_SOURCE = "polyaxonfile"

__all__ = ["load", "merged_text", "parse_params", "refuse_kind"]


def parse_params(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping; values stay text. A malformed or repeated one is an error."""
    params: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        name = name.strip()
        if not separator or not name:
            raise CliError(f"{pair!r} is not a parameter", "Write -P NAME=VALUE")
        if name in params:
            raise CliError(f"The parameter {name!r} is given twice", "Give each -P name once")
        params[name] = value
    return params


def load(
    files: Sequence[str],
    *,
    params: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
    lenient: bool = False,
) -> Specification:
    """The specification that the files define together: later ones win, then `params`, then `extra`.

    A name in a template that has no value is an error; `lenient`, it is empty text with a warning. Without files the
    default names are looked for in the current folder. Raises `PolyaxonfileError` for anything the format refuses,
    with file, line and key.
    """
    from polyaxon_schemas import PolyaxonfileError, merge, parse

    layers = _layers(files)
    given = parse_params(params)
    if given:
        layers.append({"params": given})
    if extra:
        layers.append(extra)
    try:
        return parse(merge(layers), strict=not lenient)
    except PolyaxonfileError as error:
        # What is missing has no line of its own, so the reader did not note a file for it.
        raise PolyaxonfileError(error.problems, error.source or ", ".join(files) or DEFAULT_SOURCE) from error


def merged_text(files: Sequence[str]) -> str:
    """The merged files as JSON text, for a request that lays them over a run's own specification."""
    from polyaxon_schemas import merge

    return json.dumps(merge(_layers(files)))


def _layers(files: Sequence[str]) -> list[Mapping[str, Any]]:
    from polyaxon_schemas import discover, read
    from polyaxon_schemas.reader import read_all

    if files:
        return [*read_all([Path(name) for name in files])]
    found = discover(Path.cwd())
    if found is None:
        raise CliError("There is no polyaxonfile in this folder", "Write polyaxonfile.yaml, or name one with -f FILE")
    return [read(found.relative_to(Path.cwd()) if found.is_absolute() else found)]


def refuse_kind(kind: str, allowed: Sequence[str]) -> None:
    """End with the exit code for a wrong kind of file unless `kind` is allowed."""
    if kind not in allowed:
        message = f"This command does not take a file of kind {kind!r}"
        raise CliError(message, f"Use one of kind {', '.join(allowed)}", exit_code=EXIT_WRONG_KIND)
