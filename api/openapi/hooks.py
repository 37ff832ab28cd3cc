"""What is done to the description as a whole, once all operations are described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.openapi import examples, responses, tags

JSON = "application/json"
_LARGEST = frozenset({2**31 - 1, 2**63 - 1})
_SMALLEST = frozenset({-(2**31), -(2**63)})


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared answers, the tags and the examples."""
    for kind, found in responses.components().items():
        result["components"].setdefault(kind, {}).update(found)
    result["tags"] = tags.described()
    result["components"]["examples"] = dict(sorted(_add_examples(result)))
    cleared: dict[str, Any] = _cleared(result)
    return cleared


def _add_examples(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Refer to examples from every body that has one; yields those that are referred to."""
    for place, media in _media(result):
        schema = media["schema"].get("$ref", f"/{place}").rpartition("/")[2]
        values = examples.find(schema)
        names = {title: schema if len(values) == 1 else f"{schema}.{number}" for number, title in enumerate(values, 1)}
        if names:
            media["examples"] = {title: {"$ref": f"#/components/examples/{name}"} for title, name in names.items()}
        for title, name in names.items():
            yield name, {"value": values[title]}


def _media(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON bodies with their places, such as `set_options.request`; apart from answers that are shared."""
    for item in result["paths"].values():
        for operation in item.values():
            for name, holder in (("request", operation.get("requestBody", {})), *operation["responses"].items()):
                if JSON in holder.get("content", {}):
                    yield f"{operation['operationId']}.{name}", holder["content"][JSON]


def _cleared(node: Any) -> Any:
    """Without what the library says too strictly."""
    if isinstance(node, list):
        return [_cleared(item) for item in node]
    if not isinstance(node, dict):
        return node
    # Of alternatives more than one may hold: null is also what a field of any type takes.
    cleared = {"anyOf" if key == "oneOf" else key: _cleared(value) for key, value in node.items()}
    return _without_bounds(cleared) if cleared.get("maximum") in _LARGEST else cleared


def _without_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the range of the integers of the database at hand: the description is the same on each."""
    return {
        key: value
        for key, value in schema.items()
        if key not in {"maximum", "format"} and not (key == "minimum" and value in _SMALLEST)
    }
