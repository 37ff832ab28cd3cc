"""YAML to located data: safe types only, bounded, with numbers read the way people write them.

Events are consumed one by one, without recursion, so that nesting, alias bombs and further documents are
refused as soon as they appear.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from polyaxon_schemas.located import MAX_DEPTH, LocatedDict, LocatedList, Mark, Meter
from polyaxon_schemas.problems import PolyaxonfileError, refuse

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {None, "!", _CORE_TAG + "map", _CORE_TAG + "seq"}

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLS = {
    spelling: value
    for words, value in ((("yes", "on", "true"), True), (("no", "off", "false"), False))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
# A leading zero ("010"), colons ("1:10:2") and dates stay text: nobody means octal or base 60 by them.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_BASED_INT = re.compile(r"[-+]?0(?:x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_LONGEST_NUMBER = 100


def resolve_plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    return resolve_number(text)


def resolve_number(text: str) -> int | float | str:
    """The number a text spells, or the text itself."""
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text.replace("_", ""))
    if _BASED_INT.fullmatch(text):
        return _based(text)
    if _FLOAT.fullmatch(text) and any(char in text for char in ".eE"):
        return _finite(text)
    return _NOT_FINITE.get(text.lower(), text)


def _based(text: str) -> int | str:
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        return text


def _finite(text: str) -> float | str:
    value = float(text.replace("_", ""))
    return text if value in (float("inf"), float("-inf")) else value


class _Frame:
    """One mapping or list that is still open."""

    def __init__(self, container: LocatedDict | LocatedList, mark: Mark, anchor: str | None, weight: int) -> None:
        self.container = container
        self.mark = mark
        self.anchor = anchor
        self.weight = weight
        self.key: tuple[str, Mark, bool] | None = None
        self.merges: list[LocatedDict] = []


class _Builder:
    def __init__(self, source: str | None) -> None:
        self.source = source
        self.meter = Meter(source)
        self.frames: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.documents = 0
        self.warnings: list[str] = []
        self.root: Any = None

    def refuse(self, message: str, mark: Mark) -> PolyaxonfileError:
        return refuse(message, line=mark.line, source=self.source)

    def feed(self, event: Any) -> None:
        mark = Mark(event.start_mark.line + 1, self.source)
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event, mark)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event, mark)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self.open(event, mark)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.refuse("a polyaxonfile holds one YAML document; remove the second one after '---'", mark)

    def open(self, event: Any, mark: Mark) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise self.refuse(f"nested more than {MAX_DEPTH} levels deep", mark)
        if event.tag not in _COLLECTIONS:
            raise self.refuse(f"the YAML tag {event.tag!r} is not allowed", mark)
        if self._expects_key():
            raise self.refuse("a key must be text; quote text that starts with '{' or '['", mark)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        container: LocatedDict | LocatedList = LocatedDict() if is_mapping else LocatedList()
        self.frames.append(_Frame(container, mark, event.anchor, self.meter.weight))
        self.meter.node(line=mark.line)

    def close(self) -> None:
        frame = self.frames.pop()
        value = _with_merges(frame)
        self._remember(frame.anchor, value, self.meter.weight - frame.weight)
        self.attach(value, frame.mark)

    def scalar(self, event: Any, mark: Mark) -> None:
        self.meter.node(event.value, mark.line)
        is_plain = not event.style
        if self._expects_key():
            self._remember(event.anchor, event.value, len(event.value))
            self.set_key(event.value, mark, is_plain)
            return
        value = self._value(event, mark, is_plain)
        self._remember(event.anchor, value, len(event.value))
        self.attach(value, mark)

    def _value(self, event: Any, mark: Mark, is_plain: bool) -> Any:
        tag = event.tag
        if tag is None:
            return resolve_plain(event.value) if is_plain else event.value
        if tag in {"!", _CORE_TAG + "str"}:
            return event.value
        if tag in {_CORE_TAG + kind for kind in ("int", "float", "bool", "null")}:
            return resolve_plain(event.value)
        raise self.refuse(f"the YAML tag {tag!r} is not allowed", mark)

    def alias(self, event: Any, mark: Mark) -> None:
        if any(frame.anchor == event.anchor for frame in self.frames):
            raise self.refuse(f"the alias *{event.anchor} refers to something that contains it", mark)
        if event.anchor not in self.anchors:
            raise self.refuse(f"the alias *{event.anchor} has no anchor before it", mark)
        value, weight = self.anchors[event.anchor]
        self.meter.add(weight, mark.line)
        self.meter.node(line=mark.line)
        if not self._expects_key():
            self.attach(value, mark)
        elif isinstance(value, str):
            self.set_key(value, mark, False)
        else:
            raise self.refuse("a key must be text", mark)

    def _remember(self, anchor: str | None, value: Any, weight: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, weight)

    def _expects_key(self) -> bool:
        frame = self.frames[-1] if self.frames else None
        return frame is not None and isinstance(frame.container, LocatedDict) and frame.key is None

    def set_key(self, text: str, mark: Mark, is_plain: bool) -> None:
        frame = self.frames[-1]
        is_merge = is_plain and text == "<<"
        if text in frame.container and not is_merge:
            self.warnings.append(f"line {mark.line}: the key {text!r} appears twice; the last one counts")
        frame.key = (text, mark, is_merge)

    def attach(self, value: Any, mark: Mark) -> None:
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        if isinstance(frame.container, LocatedList):
            frame.container.put(value, mark)
            return
        assert frame.key is not None
        (name, key_mark, is_merge), frame.key = frame.key, None
        if is_merge:
            frame.merges.extend(self._merge_sources(value, key_mark))
        else:
            frame.container.put(name, value, key_mark)

    def _merge_sources(self, value: Any, mark: Mark) -> list[LocatedDict]:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(item, LocatedDict) for item in sources):
            raise self.refuse("'<<' takes a mapping or a list of mappings", mark)
        return list(sources)


def _with_merges(frame: _Frame) -> LocatedDict | LocatedList:
    own = frame.container
    if not frame.merges or isinstance(own, LocatedList):
        return own
    merged = LocatedDict()
    for layer in (*reversed(frame.merges), own):
        for key, value in layer.items():
            merged.put(key, value, layer.marks.get(key))
    return merged


def _yaml_error(error: yaml.YAMLError, source: str | None) -> PolyaxonfileError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if "\\t" in reason or "'\t'" in reason:
        reason += " (indent with spaces, not tabs)"
    return refuse(f"not valid YAML: {reason}", line=mark.line + 1 if mark else None, source=source)


def load_yaml(text: str, source: str | None = None) -> Any:
    """The one document of a YAML text; None when it is empty. Raises PolyaxonfileError."""
    builder = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.feed(event)
    except yaml.YAMLError as error:
        raise _yaml_error(error, source) from error
    except UnicodeEncodeError as error:
        raise refuse("not valid YAML: holds half of a surrogate pair", source=source) from error
    if isinstance(builder.root, LocatedDict):
        builder.root.warnings = builder.warnings
    return builder.root
