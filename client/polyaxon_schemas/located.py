"""Plain data that remembers the line each value was read from, and the limits that all data is held to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from polyaxon_schemas.problems import Key, Path, describe, refuse

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 100
_MAX_WEIGHT = 4 * 1024 * 1024
_NODE_WEIGHT = 40
_FIRST_SURROGATE, _LAST_SURROGATE = "\ud800", "\udfff"


class Mark(NamedTuple):
    """Where a value stands; ``line`` counts from 1."""

    line: int
    source: str | None = None


class LocatedDict(dict[str, Any]):
    """A mapping with the mark of each of its keys, and what the reader had to say about it."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, Mark] = {}
        self.warnings: list[str] = []

    def put(self, key: str, value: Any, mark: Mark | None) -> None:
        self[key] = value
        if mark is None:
            self.marks.pop(key, None)
        else:
            self.marks[key] = mark


class LocatedList(list[Any]):
    """A list with the mark of each of its items."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Mark | None] = []

    def put(self, value: Any, mark: Mark | None) -> None:
        self.append(value)
        self.marks.append(mark)


def located_merge(target: LocatedDict, layer: LocatedDict) -> None:
    """Lay ``layer`` over ``target``: mappings merge key by key, anything else is replaced. Values may be shared."""
    for key, value in layer.items():
        known = target.get(key)
        if isinstance(known, LocatedDict) and isinstance(value, LocatedDict):
            copy = LocatedDict()
            located_merge(copy, known)
            located_merge(copy, value)
            target.put(key, copy, target.marks.get(key))
        else:
            target.put(key, value, layer.marks.get(key))


def _mark_of(data: Any, key: Key) -> Mark | None:
    if isinstance(data, LocatedDict) and isinstance(key, str):
        return data.marks.get(key)
    if isinstance(data, LocatedList) and isinstance(key, int) and key < len(data.marks):
        return data.marks[key]
    return None


def mark_at(data: Any, path: Path) -> Mark | None:
    """The mark of the deepest known part of ``path``."""
    mark = None
    for key in path:
        mark = _mark_of(data, key) or mark
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
    return mark


class Meter:
    """Bounds how much data one file may expand to, repeated aliases included."""

    def __init__(self, source: str | None = None) -> None:
        self.weight = 0
        self.source = source

    def add(self, weight: int, line: int | None = None) -> None:
        self.weight += weight
        if self.weight > _MAX_WEIGHT:
            raise refuse("holds too much data; a polyaxonfile is limited to 1 MB", line=line, source=self.source)

    def node(self, text: str = "", line: int | None = None) -> None:
        self.add(_NODE_WEIGHT + len(text), line)


def plain(value: Any) -> LocatedDict:
    """A checked copy of a mapping, of JSON types only; marks are kept.

    Raises PolyaxonfileError when it nests too deeply, is too large or holds something JSON cannot.
    """
    if not isinstance(value, Mapping):
        raise refuse(f"expected a mapping at the top of the file, found {describe(value)}")
    copy: LocatedDict = _copy(value, (), Meter())
    copy.warnings = list(getattr(value, "warnings", ()))
    return copy


def _copy(value: Any, path: Path, meter: Meter) -> Any:
    if len(path) > MAX_DEPTH:
        raise refuse(f"nested more than {MAX_DEPTH} levels deep", *path[:5])
    meter.node()
    if isinstance(value, Mapping):
        return _copy_mapping(value, path, meter)
    if isinstance(value, (list, tuple)):
        return _copy_list(value, path, meter)
    return _scalar(value, path, meter)


def _copy_mapping(value: Mapping[Any, Any], path: Path, meter: Meter) -> LocatedDict:
    copy = LocatedDict()
    for key, item in value.items():
        name = _key(key, path)
        meter.node(name)
        copy.put(name, _copy(item, (*path, name), meter), _mark_of(value, name))
    return copy


def _copy_list(value: Any, path: Path, meter: Meter) -> LocatedList:
    copy = LocatedList()
    for index, item in enumerate(value):
        copy.put(_copy(item, (*path, index), meter), _mark_of(value, index))
    return copy


def _key(key: Any, path: Path) -> str:
    if isinstance(key, str):
        return _text(key, path)
    if isinstance(key, (bool, int, float)):
        return _text(str(key), path)
    raise refuse(f"keys must be text, found {describe(key)}", *path)


def _scalar(value: Any, path: Path, meter: Meter) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        meter.add(len(value))
        return _text(value, path)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    raise refuse(f"expected text, a number, true/false, a list or a mapping, found {describe(value)}", *path)


def _integer(value: int, path: Path) -> int:
    if value.bit_length() > 1000:  # noqa: PLR2004 - about 300 digits, nearly what a float holds
        raise refuse("the number is too large", *path)
    return int(value)


def _text(value: str, path: Path) -> str:
    if "\0" in value:
        raise refuse("text must not hold a NUL character", *path)
    if not value.isascii() and any(_FIRST_SURROGATE <= char <= _LAST_SURROGATE for char in value):
        raise refuse("text holds half of a surrogate pair, which is no valid Unicode", *path)
    return str(value)


def unlocated(value: Any) -> Any:
    """The same data in ordinary dicts and lists."""
    if isinstance(value, dict):
        return {key: unlocated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unlocated(item) for item in value]
    return value
