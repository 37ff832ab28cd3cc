"""The reference page of polyaxonfiles, generated from the models: ``python -m polyaxon_schemas.reference > FILE``."""

from __future__ import annotations

import sys
import typing
from typing import Any, Literal

from annotated_types import Ge, Gt, Le

from polyaxon_schemas.annotations import Key, form_of, keys_of, members, summary, unwrapped
from polyaxon_schemas.fields import Section
from polyaxon_schemas.kinds import MODELS
from polyaxon_schemas.matrix import NumericOption

if typing.TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_INTRODUCTION = """\
# Polyaxonfile reference

<!-- Generated from client/polyaxon_schemas by `make reference`. Edit the descriptions there. -->

What a key takes stands in the column *value*; where that is a number, a choice or text, it may also be a template such
as `{{ lr }}` that renders to it. Keys in **bold** are required. Null is the same as leaving a key out.
[polyaxonfiles.md](polyaxonfiles.md) tells how files are read, merged, checked and rendered.

Every server gives this as JSON Schema at `/api/v1/schema/polyaxonfile`. With the YAML language server, an editor
completes a file that begins with

    # yaml-language-server: $schema=http://localhost:8000/api/v1/schema/polyaxonfile
"""
_PLAIN: dict[Any, str] = {
    Any: "anything",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}


def page() -> str:
    """The whole page as Markdown."""
    sections = list(_sections())
    kinds = [_kind(kind, model) for kind, model in MODELS.items()]
    parts = [_section(model, sections) for model in sections if model not in MODELS.values()]
    return "\n".join([_INTRODUCTION, "## Kinds\n", *kinds, "## Sections\n", *parts]).rstrip() + "\n"


def _kind(kind: str, model: type[Section]) -> str:
    return f"### kind: {kind}\n\n{summary(model)}\n\n{_table(model)}"


def _section(model: type[Section], known: Collection[type[Section]]) -> str:
    text = summary(model)
    heading = f"### {_title(model)}\n\n" + (f"{_sentence(text)}\n\n" if text else "")
    parent = model.__bases__[0]
    if parent in known and issubclass(parent, Section):
        inherited = {key.name: key for key in keys_of(parent)}
        own = [key for key in keys_of(model) if inherited.get(key.name) != key]
        intro = f"The keys of {_anchor(parent)}{', and' if own else ''}{':' if own else '.'}\n"
        return heading + intro + (f"\n{_rows(own)}" if own else "")
    return heading + _table(model)


def _title(model: type[Section]) -> str:
    """The class's name in words."""
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in model.__name__).strip()
    return words.replace("q ", "q").replace("i o", "io")


def _sentence(text: str) -> str:
    """A docstring's double back-ticks are Markdown's single ones."""
    return text.replace("``", "`")


def _anchor(model: type[Section]) -> str:
    return f"[{_title(model)}](#{_title(model).replace(' ', '-')})"


def _table(model: type[Section]) -> str:
    keys = sorted(keys_of(model), key=lambda key: key.name not in {"version", "kind"})
    old = [f"| {name} | | Old name of `{present}`. |\n" for name, (_, present) in model.old_keys.items()]
    return _rows(keys) + "".join(old)


def _rows(keys: Sequence[Key]) -> str:
    rows = [
        f"| {f'**{key.name}**' if key.is_required else key.name} | {_cell(_value(key))} | {_cell(_told(key))} |"
        for key in keys
    ]
    return "\n".join(["| key | value | |", "|---|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _value(key: Key) -> str:
    return _text(key.annotation, key.metadata)


def _told(key: Key) -> str:
    default = f" Default `{key.default}`." if _is_shown(key.default) else ""
    return ((_sentence(key.description) or _described(key.annotation)) + default).strip()


def _is_shown(default: Any) -> bool:
    return isinstance(default, (str, int, float)) and default is not False


def _described(annotation: Any) -> str:
    """Of a key without words of its own, those of its section."""
    found = list(_sections_in(annotation))
    return _sentence(summary(found[0])) if len(found) == 1 else ""


def _text(annotation: Any, metadata: Sequence[Any]) -> str:
    annotation, metadata = unwrapped(annotation, metadata)
    form = form_of(metadata)
    sections = [_anchor(each) for each in _sections_in(annotation)] if form and form.also else []
    text = f"{form.text} ({', '.join(sections)})" if sections and form else ""
    return (text or (form.text if form else _of_type(annotation))) + _bounds(metadata)


def _of_type(annotation: Any) -> str:
    several = members(annotation)
    if several is not None:
        texts = [_text(each, ()) for each in several if each is not type(None)]
        return " or ".join(dict.fromkeys(texts))
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if typing.get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in typing.get_args(annotation))
    return _of_collection(annotation) or _of_section(annotation)


def _of_collection(annotation: Any) -> str:
    inner = [_text(each, ()) for each in typing.get_args(annotation)]
    if typing.get_origin(annotation) is list:
        return f"list of {inner[0]}"
    if typing.get_origin(annotation) is tuple:
        return f"[{', '.join(inner)}]"
    if typing.get_origin(annotation) is dict:
        return "mapping" if inner[1] == "anything" else f"mapping to {inner[1]}"
    return ""


def _of_section(annotation: Any) -> str:
    forms = f"`{_numeric_form(annotation)}`, a list or a mapping of these: " if _is_numeric(annotation) else ""
    return forms + _anchor(annotation)


def _is_numeric(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, NumericOption)


def _numeric_form(model: type[NumericOption]) -> str:
    names = [(name, field.is_required()) for name, field in model.model_fields.items() if name != "size"]
    return "".join(
        f"{':' if place else ''}{name}" if needed else f"[:{name}]" for place, (name, needed) in enumerate(names)
    )


def _bounds(metadata: Sequence[Any]) -> str:
    words = {Ge: ("from", "ge"), Gt: ("above", "gt"), Le: ("to", "le")}
    found = [
        f"{words[type(each)][0]} {getattr(each, words[type(each)][1])}" for each in metadata if type(each) in words
    ]
    return f", {' '.join(sorted(found, key=lambda text: text.startswith('to')))}" if found else ""


def _sections() -> Iterator[type[Section]]:
    """Every section once, in the order in which it is first met."""
    seen: dict[type[Section], None] = {}
    waiting: list[type[Section]] = list(MODELS.values())
    while waiting:
        model = waiting.pop(0)
        if model not in seen:
            seen[model] = None
            waiting += [each for key in keys_of(model) for each in _sections_in(key.annotation)]
            waiting += [each for annotation, _ in model.old_keys.values() for each in _sections_in(annotation)]
    yield from seen


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    annotation, _ = unwrapped(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _sections_in(argument)


if __name__ == "__main__":
    sys.stdout.write(page())
