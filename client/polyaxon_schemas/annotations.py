"""Reads the models' annotations, for what is generated from them."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Annotated, Any, Union

from pydantic.fields import FieldInfo

from polyaxon_schemas.forms import Form

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polyaxon_schemas.fields import Section


@dataclass(frozen=True)
class Key:
    """One key of a section."""

    name: str
    annotation: Any
    metadata: tuple[Any, ...]
    is_required: bool
    default: Any
    description: str


def keys_of(model: type[Section]) -> Iterator[Key]:
    """The keys of a section in their order."""
    for name, field in model.model_fields.items():
        annotation, metadata = unwrapped(field.annotation, field.metadata)
        description = field.description or ""
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield Key(field.alias or name, annotation, metadata, field.is_required(), default, description)


def unwrapped(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[Any, tuple[Any, ...]]:
    """A type without ``Annotated``, and all that was said of it, the outermost last."""
    found = list(metadata)
    while typing.get_origin(annotation) is Annotated:
        annotation, *more = typing.get_args(annotation)
        found = [*more, *found]
    flat: list[Any] = []
    for each in found:
        flat += each.metadata if isinstance(each, FieldInfo) else [each]
    return annotation, tuple(flat)


def form_of(metadata: Sequence[Any]) -> Form | None:
    """The form that counts."""
    return next((each for each in reversed(metadata) if isinstance(each, Form)), None)


def members(annotation: Any) -> list[Any] | None:
    """The types of a union, None among them as ``NoneType``; None for anything else."""
    return list(typing.get_args(annotation)) if typing.get_origin(annotation) is Union else None


def summary(model: type[Any]) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((model.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
