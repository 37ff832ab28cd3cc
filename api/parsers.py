"""JSON bodies. Whatever passes here can be stored by every database and written as JSON again."""

from __future__ import annotations

import json
import math
from typing import IO, TYPE_CHECKING, Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from api.renderers import JSONRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 64


class JSONParser(BaseParser):
    """Also takes the literals `NaN`, `Infinity` and `-Infinity` of old clients, as texts."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        del media_type, parser_context
        body = stream.read()
        return checked(loads(body), nul=b"\\u0000" in body) if body else {}


def loads(body: bytes) -> Any:
    """The value of a JSON text. Raises 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _lenient(body)


def _lenient(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=str, parse_float=_number)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The body is not valid JSON: {error}") from None
    return value


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def checked(value: Any, *, nul: bool, depth: int = 0) -> Any:
    """`value`, unless it is nested too deep or, looked for with `nul`, has a character NUL. Raises 400."""
    if depth > MAX_DEPTH:
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for key, item in value.items():
            checked(key, nul=nul, depth=depth + 1)
            checked(item, nul=nul, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            checked(item, nul=nul, depth=depth + 1)
    elif nul and isinstance(value, str) and "\x00" in value:
        raise ParseError("A text in the body holds the character NUL. Remove it.")
    return value
