"""JSON Schema of polyaxonfiles, generated from the models, for editors that complete and check while one types.

It takes whatever :func:`polyaxon_schemas.parse` takes, and refuses what it can: unknown keys, wrong types, numbers out
of bounds, missing sections. That params fit their inputs, that templates render, and what several keys must have in
common is only known to ``parse``.
"""

from __future__ import annotations

import typing
from functools import cache
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BeforeValidator

from polyaxon_schemas.annotations import form_of, keys_of, members, summary, unwrapped
from polyaxon_schemas.build import BuildKeys
from polyaxon_schemas.fields import Section
from polyaxon_schemas.forms import FLAG, NUMERIC_TEXT, TEMPLATE, any_of
from polyaxon_schemas.kinds import MODELS
from polyaxon_schemas.matrix import MatrixParam, NumericOption

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}
_PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: FLAG.schema,
    type(None): _NULL,
}
_BOUNDS = {Ge: ("minimum", "ge"), Gt: ("exclusiveMinimum", "gt"), Le: ("maximum", "le"), Lt: ("exclusiveMaximum", "lt")}
_LENGTHS = {MinLen: ("min", "min_length"), MaxLen: ("max", "max_length")}
# Sections of which exactly one of some keys is set: neither null nor empty.
_ONE_OF: dict[type[Section], tuple[str, ...]] = {
    BuildKeys: ("image", "dockerfile", "ref"),
    MatrixParam: tuple(MatrixParam.model_fields),
}


@cache
def polyaxonfile_schema() -> dict[str, Any]:
    """The schema of a whole file of any kind. Not to be changed by callers."""
    generator = _Generator()
    kinds = {kind: generator.of(model, ()) for kind, model in MODELS.items()}
    definitions = generator.definitions
    for kind, reference in kinds.items():
        properties = definitions[reference["$ref"].rpartition("/")[2]]["properties"]
        properties["kind"] = {**properties["kind"], "type": "string", "const": kind}
        properties["version"] = {"const": 1, "description": "The version of the format."}
    templates = {kind: reference for kind, reference in kinds.items() if kind != "pipeline"}
    definitions["Template"] = {**_by_kind(templates), "required": ["version", "kind", "name"]}
    definitions["Pipeline"]["properties"]["templates"]["items"] = {"$ref": "#/$defs/Template"}
    return {
        "$schema": DIALECT,
        "title": "Polyaxonfile",
        "description": "What a run, a search, an image or a service is made from.",
        **_by_kind(kinds),
        "$defs": dict(sorted(definitions.items())),
    }


def _by_kind(kinds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One shape per kind; an editor tells what is wrong with the one that is meant."""
    return {
        "type": "object",
        "required": ["version", "kind"],
        "properties": {"version": {"const": 1}, "kind": {"enum": list(kinds)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference}
            for kind, reference in kinds.items()
        ],
    }


class _Generator:
    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}

    def of(self, annotation: Any, metadata: Sequence[Any]) -> dict[str, Any]:
        """The schema of one annotation."""
        annotation, metadata = unwrapped(annotation, metadata)
        form = form_of(metadata)
        schema = form.schema if form and form.schema else self._of_type(annotation, metadata)
        if form and form.also:
            schema = _either([schema, *form.also])
        return _bounded(schema, metadata)

    def _of_type(self, annotation: Any, metadata: Sequence[Any]) -> dict[str, Any]:
        several = members(annotation)
        if several is not None:
            # What is said of the whole, such as a bound, holds for each member.
            return _either([self.of(each, () if each is type(None) else metadata) for each in several])
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if typing.get_origin(annotation) is Literal:
            return any_of({"enum": _spellings(typing.get_args(annotation), metadata)}, TEMPLATE)
        return self._of_collection(annotation) or self._of_section(annotation)

    def _of_collection(self, annotation: Any) -> dict[str, Any] | None:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0], ())}
        if origin is tuple:
            items = [self.of(each, ()) for each in arguments]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        return {"type": "object", "additionalProperties": self.of(arguments[1], ())} if origin is dict else None

    def _of_section(self, model: type[Section]) -> dict[str, Any]:
        if not issubclass(model, Section):
            raise TypeError(f"no schema is known for {model!r}")
        if model.__name__ not in self.definitions:
            self.definitions[model.__name__] = {}  # for sections that hold themselves
            self.definitions[model.__name__] = self._defined(model)
        reference = {"$ref": f"#/$defs/{model.__name__}"}
        return _either([reference, *_numeric_forms(model)]) if issubclass(model, NumericOption) else reference

    def _defined(self, model: type[Section]) -> dict[str, Any]:
        properties = {key.name: self._property(key) for key in keys_of(model)}
        for name, (annotation, present) in model.old_keys.items():
            schema = self.of(annotation, ())
            properties[name] = {**schema, "deprecated": True, "description": f"Old name of {present}."}
        required = [key.name for key in keys_of(model) if key.is_required]
        return {
            "type": "object",
            "description": summary(model),
            "properties": properties,
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **next(({"oneOf": list(_set(keys))} for each, keys in _ONE_OF.items() if issubclass(model, each)), {}),
        }

    def _property(self, key: Any) -> dict[str, Any]:
        schema = self.of(key.annotation, key.metadata)
        # Null is the same as leaving a key out.
        schema = schema if key.is_required or not schema else _either([schema, _NULL])
        return {**schema, "description": key.description} if key.description else schema


def _either(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Any of the schemas, without nesting and repetition."""
    flat: list[dict[str, Any]] = []
    for schema in schemas:
        flat += [each for each in (schema["anyOf"] if set(schema) == {"anyOf"} else [schema]) if each not in flat]
    if {} in flat:
        return {}
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _bounded(schema: dict[str, Any], metadata: Sequence[Any]) -> dict[str, Any]:
    for each in metadata:
        if type(each) in _BOUNDS:
            word, attribute = _BOUNDS[type(each)]
            schema = _with(schema, {"number", "integer"}, word, getattr(each, attribute))
        elif type(each) in _LENGTHS:
            word, attribute = _LENGTHS[type(each)]
            schema = _with(schema, {"array"}, f"{word}Items", getattr(each, attribute))
            schema = _with(schema, {"string"}, f"{word}Length", getattr(each, attribute))
    return schema


def _with(schema: dict[str, Any], types: set[str], word: str, value: Any) -> dict[str, Any]:
    """The schema with a bound on those of its alternatives that are of one of the types."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_with(each, types, word, value) for each in schema["anyOf"]]}
    return {**schema, word: value} if schema.get("type") in types else schema


def _spellings(words: Sequence[Any], metadata: Sequence[Any]) -> list[Any]:
    """The words of a choice; where they are read in any case, in the usual ones."""
    if not any(isinstance(each, BeforeValidator) for each in metadata):
        return list(words)
    return list(dict.fromkeys(form for word in words for form in (word, word.lower(), word.upper(), word.capitalize())))


def _numeric_forms(model: type[NumericOption]) -> Iterator[dict[str, Any]]:
    """`a:b:c` and `[a, b, c]` instead of a mapping."""
    fields = [field for name, field in model.model_fields.items() if name != "size"]
    least, most = sum(field.is_required() for field in fields), len(fields)
    yield {"type": "string", "pattern": rf"^[^:]+(:[^:]+){{{least - 1},{most - 1}}}$"}
    yield {"type": "array", "items": any_of({"type": "number"}, NUMERIC_TEXT), "minItems": least, "maxItems": most}


def _set(keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    for key in keys:
        yield {"required": [key], "properties": {key: {"not": {"enum": [None, ""]}}}}
