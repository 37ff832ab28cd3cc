"""Entries of catalogs."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from polyaxon.actions.names import check_name
from polyaxon.actions.tags import clean_tags
from polyaxon.db.models import CatalogEntry
from polyaxon.errors import InvalidInput

EntryT = TypeVar("EntryT", bound=CatalogEntry)

# Addresses of the list of names: an entry of that name could not be reached.
_TAKEN_BY_ROUTES = frozenset({"name", "names"})


def create_entry(model: type[EntryT], fields: dict[str, Any]) -> EntryT:
    """A new entry. Raises `InvalidInput` when the name is wrong or taken."""
    return _saved(_filled(model(), fields))


def update_entry(entry: EntryT, changes: dict[str, Any]) -> EntryT:
    """Apply `changes`; the entry's own name may be sent again."""
    return _saved(_filled(entry, changes))


def _filled(entry: EntryT, values: dict[str, Any]) -> EntryT:
    if "name" in values:
        _check_name(values["name"])
    if "tags" in values:
        values["tags"] = clean_tags(values["tags"])
    for key, value in values.items():
        setattr(entry, key, value)
    return entry


def _check_name(name: str) -> None:
    check_name(name)
    if name.lower() in _TAKEN_BY_ROUTES:
        raise InvalidInput(f"The name {name} is reserved. Choose another one.", field="name")


def _saved(entry: EntryT) -> EntryT:
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError as error:
        raise InvalidInput(
            f"The catalog has an entry named {entry.name} already. Choose another name.", field="name"
        ) from error
    return entry
