"""Python values to JSON: numbers of any library, and what JSON has no word for."""

from __future__ import annotations

import json
import math
from numbers import Integral, Real
from typing import Any, Union

Number = Union[int, float]
_LARGEST_INT = 2**63


def as_number(value: Any) -> Number | None:
    """An ``int`` or ``float`` from a number, a numpy or torch scalar or anything whose ``item()`` is one.

    Raises:
        TypeError, ValueError, OverflowError: the value is not one number.
    """
    kind = type(value)
    if kind is float:
        return float(value)
    if value is None:
        return None
    if kind is int or isinstance(value, Integral):
        whole = int(value)
        return whole if -_LARGEST_INT <= whole < _LARGEST_INT else float(whole)
    if isinstance(value, Real):
        return float(value)
    if hasattr(value, "item"):
        return _plain_number(value.item(), value)
    if hasattr(value, "as_tuple"):  # decimal.Decimal
        return float(value)
    raise TypeError(f"{kind.__name__} is not a number")


def _plain_number(item: Any, source: Any) -> Number:
    if not isinstance(item, Real):
        raise TypeError(f"{type(source).__name__} does not hold a number")
    return int(item) if isinstance(item, Integral) else float(item)


def json_safe(value: Any) -> Any:
    """The same structure in types that JSON has; NaN and infinities become texts, the unknown ``str``."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _non_finite(value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_safe(item) for item in value]
    return _foreign(value)


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON, strictly valid."""
    text = json.dumps(json_safe(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Lone surrogates (undecodable bytes of the file system) have no UTF-8 form.
    return text.encode("utf-8", errors="replace")


def _non_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _foreign(value: Any) -> Any:
    for method in ("item", "tolist"):
        try:
            plain = getattr(value, method)()
        except (AttributeError, TypeError, ValueError, RuntimeError):
            continue
        if plain is not value:
            return json_safe(plain)
    return str(value)
