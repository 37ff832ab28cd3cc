"""Parameters of the query string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyaxon.errors import InvalidInput

if TYPE_CHECKING:
    from rest_framework.request import Request

_TRUE = frozenset({"true", "t", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "off", ""})


def flag(request: Request, name: str) -> bool:
    """A yes/no parameter; absent means no. Raises `InvalidInput`."""
    text = request.query_params.get(name, "").strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidInput(f"{name} must be true or false, not {text!r}.")


def number(request: Request, name: str) -> int | None:
    """An id; absent means None. Raises `InvalidInput`."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - digits of a 64-bit number
        raise InvalidInput(f"{name} must be a whole number, not {text!r}.")
    return int(text)
