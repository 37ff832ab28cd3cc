"""Python literals in text: old clients send whole files in this form, and command lines send params."""

from __future__ import annotations

import ast
import re
from typing import Any

_QUOTE = re.compile(r"['\"]")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'" + r'|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_EXPONENT = re.compile(r"(?<![\w.])(?:\d[\d_]*(?:\.[\d_]*)?|\.\d+)[eE][+-]?\d+")
_OUTSIDE = re.compile(r"[\s\[\]{}(),:0-9A-Za-z_.+-]*")
# Long chains of operators overflow the interpreter's stack while it parses; no literal we mean has any.
_OPERATOR = re.compile(r"[+\-\w)\]}]\s*[+-]")
_MAX_NESTING = 100
_WORDS = {"True": True, "False": False, "None": None}
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


def _nesting(text: str) -> int:
    depth = deepest = 0
    for char in text:
        if char in "[({":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "])}":
            depth -= 1
    return deepest


def _outside_strings(text: str) -> str:
    """What is left of a text without its quoted strings. Raises ValueError on an open string."""
    parts, position = [], 0
    while quote := _QUOTE.search(text, position):
        string = _STRING.match(text, quote.start())
        if string is None or text[quote.start() - 1 : quote.start()] in {"f", "F"}:
            raise ValueError("not a literal")
        parts.append(text[position : quote.start()])
        position = string.end()
    parts.append(text[position:])
    return " ".join(parts)


def _check_harmless(text: str) -> None:
    if "'''" in text or '"""' in text:
        raise ValueError("not a literal")
    rest = _EXPONENT.sub("0", _outside_strings(text))
    if not _OUTSIDE.fullmatch(rest) or _OPERATOR.search(rest) or _nesting(rest) > _MAX_NESTING:
        raise ValueError("not a literal")


def python_literal(text: str) -> Any:
    """The value of a Python literal of JSON types (tuples become lists).

    Raises ValueError when the text is none.
    """
    plain = text.strip()
    if plain in _WORDS:
        return _WORDS[plain]
    if _PLAIN_NUMBER.fullmatch(plain):
        return int(plain)
    if plain[:1].isalpha() and not _QUOTE.search(plain):
        raise ValueError("not a literal")  # a name; the usual case, and compiling takes long
    _check_harmless(text)
    try:
        return _json_types(ast.literal_eval(text.strip()))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("not a literal") from error


def _json_types(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _json_types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_types(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError("not of a JSON type")


def _key(key: Any) -> str:
    if isinstance(key, (str, int, float)):
        return str(key)
    raise ValueError("not a JSON key")
