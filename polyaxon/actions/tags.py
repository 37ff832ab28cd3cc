"""Tags: lists of short texts."""

from __future__ import annotations

from collections.abc import Sequence

from polyaxon.errors import InvalidInput

TAG_LENGTH = 64


def clean_tags(tags: Sequence[str] | None) -> list[str] | None:
    """`tags` without duplicates, in order. Raises `InvalidInput`."""
    if tags is None:
        return None
    if any(not isinstance(tag, str) or not tag or len(tag) > TAG_LENGTH for tag in tags):
        raise InvalidInput(f"A tag is a text of 1 to {TAG_LENGTH} characters.", field="tags")
    return list(dict.fromkeys(tags))


def merge_tags(present: Sequence[str] | None, added: Sequence[str] | None) -> list[str] | None:
    """Both lists, without duplicates."""
    return clean_tags([*(present or []), *(added or [])]) if added is not None or present else None
