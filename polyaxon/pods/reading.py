"""Looking into JSON of which nothing is certain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def part(data: Any, *path: str) -> Mapping[str, Any]:
    """The object at `path`; an empty one if there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def items(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects in the list at `key`."""
    found = data.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text(data: Mapping[str, Any], key: str) -> str | None:
    """The text at `key`; None for an empty one."""
    found = data.get(key)
    return found if isinstance(found, str) and found else None


def integer(value: Any) -> int | None:
    """A whole number, or the text of a short one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:  # noqa: PLR2004
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def at(data: Mapping[str, Any], key: str) -> datetime | None:
    """The moment at `key`, in UTC."""
    try:
        found = datetime.fromisoformat(text(data, key) or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
