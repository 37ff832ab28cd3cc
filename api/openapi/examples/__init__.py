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
    artifacts,
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
    artifacts,
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
SEVERAL: dict[str, dict[str, Any]] = {**metrics.SEVERAL, **repos.SEVERAL, **experiments.SEVERAL}


def find(name: str) -> dict[str, Any]:
    """The examples of a schema, or of a place such as `set_options.request`, by title."""
    if name in SEVERAL:
        return SEVERAL[name]
    if name in _FOUND:
        return {"Example": _FOUND[name]}
    if page := re.fullmatch(r"Paginated(\w+)List", name):
        return {title: _page(row) for title, row in find(page[1]).items()}
    if kind := re.fullmatch(r"Archived(\w+)", name):
        return {"Example": {**_FOUND[kind[1]], "deleted": True}}
    if kind := re.fullmatch(r"Bookmarked(\w+)", name):
        return {"Example": _marked(_FOUND[kind[1]])}
    return find(name.removeprefix("Patched")) if name.startswith("Patched") else {}


def _page(row: Any) -> dict[str, Any]:
    return {"count": 1, "next": None, "previous": None, "results": [row]}


def _marked(row: dict[str, Any]) -> dict[str, Any]:
    return {"content_object": {key: value for key, value in row.items() if key != "bookmarked"}}
