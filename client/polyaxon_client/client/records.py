"""Answers as objects, for callers who prefer attributes to keys."""

from __future__ import annotations

from typing import Any


class Record(dict[str, Any]):
    """A JSON object whose keys are attributes too; a missing one reads as ``None``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


def as_records(value: Any) -> Any:
    """The same structure with every JSON object replaced by a :class:`Record`."""
    if isinstance(value, dict):
        return Record({key: as_records(item) for key, item in value.items()})
    if isinstance(value, list):
        return [as_records(item) for item in value]
    return value
