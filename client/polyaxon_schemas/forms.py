"""What a value may look like in a file, where its type alone does not say it: for JSON Schema and the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEMPLATE = {"type": "string", "pattern": r"\{\{|\{%|\{#"}
_NUMERIC = r"^\s*[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?\s*$"
_BASED = r"^\s*[-+]?0(x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)\s*$"
NUMERIC_TEXT = {"type": "string", "pattern": f"{_NUMERIC}|{_BASED}"}


@dataclass(frozen=True)
class Form:
    """Stands in the metadata of an annotation, which the models themselves pass over.

    ``schema`` is JSON Schema of what is accepted, ``text`` the same for a person. Without ``schema``, the type itself
    is, and ``also`` what comes beside it.
    """

    text: str
    schema: dict[str, Any] = field(default_factory=dict, hash=False)
    also: tuple[dict[str, Any], ...] = field(default=(), hash=False)


def any_of(*schemas: dict[str, Any]) -> dict[str, Any]:
    """One of several shapes."""
    return {"anyOf": list(schemas)}


_QUANTITY = {"type": "string", "pattern": r"^\s*[-+0-9.eE]+\s*(m|[kMGTPE]|[KMGTPE]i)\s*$"}
_SCALARS = ({"type": "string"}, {"type": "number"})

NUMBER = Form("number", any_of({"type": "number"}, NUMERIC_TEXT, TEMPLATE))
WHOLE = Form("whole number", any_of({"type": "number"}, NUMERIC_TEXT, TEMPLATE))
AMOUNT = Form("number or quantity", any_of({"type": "number"}, NUMERIC_TEXT, _QUANTITY, TEMPLATE))
TEXT = Form("text", any_of(*_SCALARS))
LABEL = Form("text", any_of(*_SCALARS, {"type": "boolean"}))
DIGITS = Form("text", any_of({"type": "string"}, {"type": "integer"}))
SLUG = Form("name", {"type": "string", "pattern": r"^[-A-Za-z0-9_]+$"})
_WORDS = r"^([Yy]([Ee][Ss])?|[Nn][Oo]?|[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Oo]([Nn]|[Ff][Ff])|[01])$"
FLAG = Form(
    "true or false", any_of({"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": _WORDS}, TEMPLATE)
)
REFERENCE = Form("id or name", any_of({"type": "string"}, {"type": "integer"}))
