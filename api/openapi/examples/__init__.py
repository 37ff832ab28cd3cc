"""Examples of bodies, by the name of their schema; where the schema has no name, by operation and code.

A page of rows, a row that is archived or bookmarked, and a change that may leave fields out need none of their own:
they are made from the example of the row.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from api.openapi.examples import (
    accounts,
    around,
    builds,
    catalogs,
    cluster,
    experiments,
    groups,
    jobs,
    metrics,
    organizations,
    platform,
    plugins,
    projects,
    replicas,
    repos,
)

_MODULES = (
    accounts,
    around,
    builds,
    catalogs,
    cluster,
    experiments,
    groups,
    jobs,
    metrics,
    organizations,
    platform,
    plugins,
    projects,
    replicas,
    repos,
)
_FOUND: dict[str, Any] = dict(
    chain.from_iterable(
        (*getattr(module, "REQUESTS", {}).items(), *getattr(module, "RESPONSES", {}).items()) for module in _MODULES
    )
)
# Bodies of several shapes, each with a title.
SEVERAL: dict[str, dict[str, Any]] = {**metrics.SEVERAL, **repos.SEVERAL}


def find(name: str) -> dict[str, Any]:
    """The examples of a schema, or of a place such as `set_options.request`, by title."""
    if name in SEVERAL:
        return SEVERAL[name]
    value = _single(name)
    return {} if value is None else {"Example": value}


def _single(name: str) -> Any:
    if name in _FOUND:
        return _FOUND[name]
    if page := re.fullmatch(r"Paginated(\w+)List", name):
        row = _single(page[1])
        return row and {"count": 1, "next": None, "previous": None, "results": [row]}
    if kind := re.fullmatch(r"Archived(\w+)", name):
        return {**_FOUND[kind[1]], "deleted": True}
    if kind := re.fullmatch(r"Bookmarked(\w+)", name):
        return {"content_object": {key: value for key, value in _FOUND[kind[1]].items() if key != "bookmarked"}}
    return _single(name.removeprefix("Patched")) if name.startswith("Patched") else None
