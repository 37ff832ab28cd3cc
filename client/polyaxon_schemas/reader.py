"""Reading polyaxonfiles from files, text and mappings, and merging several of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Union

from polyaxon_schemas.literals import python_literal
from polyaxon_schemas.located import MAX_BYTES, LocatedDict, located_merge, plain
from polyaxon_schemas.problems import PolyaxonfileError, Problem, describe, refuse
from polyaxon_schemas.yaml_loader import load_yaml

_STEMS = ("polyaxon", "polyaxonci", "polyaxon-ci", "polyaxon.ci", "polyaxonfile")
_EXTENSIONS = ("yaml", "yml", "json")
# Files that a command, or CI, uses when none is named: the first one that exists.
DEFAULT_NAMES = tuple(f"{stem}.{extension}" for stem in _STEMS for extension in _EXTENSIONS)

Source = Union[str, Path, Mapping[str, Any]]


def discover(directory: Path) -> Path | None:
    """The file that a command without a file argument uses, or None."""
    return next((directory / name for name in DEFAULT_NAMES if (directory / name).is_file()), None)


def read(source: Source) -> dict[str, Any]:
    """Raw data of a path, a text or a mapping. Raises PolyaxonfileError on anything that cannot be read.

    Only a ``Path`` is opened: a string is always text, so that no request can name a file of the server.
    """
    if isinstance(source, Path):
        return read_file(source)
    if isinstance(source, str):
        return read_text(source)
    return plain(source)


def read_file(path: Path) -> dict[str, Any]:
    """Raw data of a ``.yaml``, ``.yml`` or ``.json`` file."""
    name = str(path)
    if path.suffix.lower().lstrip(".") not in _EXTENSIONS:
        raise refuse("expected a file that ends in .yaml, .yml or .json", source=name)
    try:
        if not path.is_file():
            raise refuse("no such file" if not path.exists() else "is not a file", source=name)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, PolyaxonfileError):
            raise
        raise refuse(f"cannot be read: {getattr(error, 'strerror', None) or error}", source=name) from error
    return read_text(_decode(content, name), source=name)


def read_all(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """:func:`read` of several; what is wrong with any of them is raised together."""
    layers: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            layers.append(read(source))
        except PolyaxonfileError as error:  # noqa: PERF203 - a handful of files
            problems += [replace(problem, source=problem.source or error.source) for problem in error.problems]
    if problems:
        raise PolyaxonfileError(problems)
    return layers


def _decode(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) > MAX_BYTES:
            raise refuse("is larger than 1 MB", source=source) from error
        raise refuse(f"is not UTF-8 text (byte {error.start})", source=source) from error


def read_text(text: str, source: str | None = None) -> dict[str, Any]:
    """Raw data of YAML, JSON or Python-literal text; never opens a file."""
    # Characters never outnumber the bytes that encode them, so this bounds memory before encoding.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise refuse("is larger than 1 MB", source=source)
    data = _load(text, source)
    if data is None:
        raise refuse("is empty; it needs at least version and kind", source=source)
    if not isinstance(data, dict):
        raise refuse(f"expected a mapping at the top of the file, found {describe(data)}", source=source)
    try:
        return plain(data)
    except PolyaxonfileError as error:
        raise PolyaxonfileError(error.problems, source) from error


def _load(text: str, source: str | None) -> Any:
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        for reader in (json.loads, python_literal):
            with contextlib.suppress(ValueError, RecursionError):
                return reader(text)
    return load_yaml(text, source)


def merge(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One mapping out of several: mappings merge key by key, anything else is replaced by the later layer."""
    merged = LocatedDict()
    for layer in layers:
        checked = _modern(plain(layer))
        merged.warnings += [warning for warning in checked.warnings if warning not in merged.warnings]
        located_merge(merged, checked)
    return merged


def _modern(layer: LocatedDict) -> LocatedDict:
    """``declarations`` under its present name, so that params given later merge with it."""
    if "declarations" not in layer or "params" in layer:
        return layer
    renamed = LocatedDict()
    for key, value in layer.items():
        renamed.put("params" if key == "declarations" else key, value, layer.marks.get(key))
    renamed.warnings = [*layer.warnings, "'declarations' is the old name of 'params'"]
    return renamed


def modern(raw: Mapping[str, Any]) -> tuple[LocatedDict, list[Problem]]:
    """A checked copy with old top-level names replaced, and what could not be. Raises PolyaxonfileError."""
    data = _modern(plain(raw))
    if "declarations" not in data:
        return data, []
    mark = data.marks.pop("declarations", None)
    del data["declarations"]
    message = "is the old name of params; keep only one of the two"
    return data, [Problem(("declarations",), message, mark.line if mark else None, mark.source if mark else None)]
