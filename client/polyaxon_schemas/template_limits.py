"""What a template may compute: values far larger than what makes them are refused before they exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.utils import Namespace

MAX_VALUE = 1024 * 1024
_MAX_BITS = 4096
_MAX_NUMBER_ARGUMENT = 1000
_MAX_NESTING = 200
_UNBOUNDED_FORMAT = re.compile(r"\d{4,}|\*")


class TemplateProblem(ValueError):
    """A template cannot be used; the text says why."""


class Exhausted(TemplateProblem):
    """The templates of the file together are too much, so the rest of them is not looked at."""


def weight(value: Any, left: int = MAX_VALUE, depth: int = 0) -> int:
    """About the length of a value's text. Raises TemplateProblem as soon as it is more than ``left``."""
    if isinstance(value, Namespace):
        raise TemplateProblem("a namespace has no value; use its attributes")
    if isinstance(value, str):
        total = 1 + len(value)
    elif isinstance(value, int):
        total = 1 + value.bit_length() // 3
    elif isinstance(value, range):
        total = 4 * len(value)
    else:
        total = 4
        for item in _items(value):
            total += weight(item, left - total, depth + 1)
    if total > left or depth > _MAX_NESTING:
        raise TemplateProblem("a value in the template grows too large")
    return total


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


def _check_product(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_BITS:
            raise TemplateProblem("a number in the template grows too large")
    elif isinstance(left, int) or isinstance(right, int):
        times, repeated = (left, right) if isinstance(left, int) else (right, left)
        _check_repeated(times, repeated)


def _check_repeated(times: int, repeated: Any) -> None:
    if hasattr(repeated, "__len__") and weight(repeated) * max(times, 0) > MAX_VALUE:
        raise TemplateProblem("a value in the template grows too large")


def _check_power(base: Any, exponent: Any) -> None:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > _MAX_BITS:
        raise TemplateProblem("a number in the template grows too large")


def check_format(template: Any, _values: Any = None) -> None:
    """Refuses ``%`` formats with a width of four digits or more."""
    if isinstance(template, str) and _UNBOUNDED_FORMAT.search(template):
        raise TemplateProblem("a format in the template has too large a width")


OPERATOR_CHECKS: dict[str, Callable[[Any, Any], None]] = {
    "*": _check_product,
    "**": _check_power,
    "%": check_format,
}


def check_call(name: str, subject: Any, arguments: list[Any]) -> None:
    """Refuses calls of a filter or method whose result can be far larger than what it is given."""
    if any(isinstance(item, int) and abs(item) > _MAX_NUMBER_ARGUMENT for item in arguments):
        raise TemplateProblem(f"{name} is given too large a number")
    texts = [item for item in arguments if isinstance(item, str)]
    if name == "replace" and isinstance(subject, str) and texts:
        _check_repeated(len(subject) + 1, texts[-1])
    if name == "indent" and isinstance(subject, str):
        _check_repeated(subject.count("\n") + 1, " " * _MAX_NUMBER_ARGUMENT)
    if name in {"tojson", "sum"} and any(not isinstance(item, str) for item in arguments):
        raise TemplateProblem(f"{name} takes no such argument here")


def check_join(separator: Any, items: list[Any]) -> None:
    """Refuses a join whose separators alone are too much."""
    _check_repeated(len(items), str(separator))
