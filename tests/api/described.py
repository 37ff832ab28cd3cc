"""The operations of the description, as requests that a test can send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator

from tests.api.described_world import DescribedWorld
from tests.api.routes import METHODS, Route
from tests.api.test_matrix import SERVICE, STAFF, takes

PREFIX = "/api/v1/"
JSON = "application/json"
CALLERS = {STAFF: "admin", SERVICE: "initializer"}


@cache
def description() -> dict[str, Any]:
    """What the code generates."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def resolved(node: Any) -> Any:
    """`node`, or what its `$ref` names."""
    if not isinstance(node, dict) or "$ref" not in node:
        return node
    found: Any = description()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found)


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with `value`."""
    errors = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    rooted = {**json.loads(schema), "components": description()["components"]}
    return jsonschema_rs.Draft202012Validator(rooted, validate_formats=True)


@dataclass(frozen=True)
class Answer:
    code: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    raw: dict[str, Any]

    @property
    def id(self) -> str:
        name: str = self.raw["operationId"]
        return name

    @property
    def route(self) -> Route:
        return Route(self.method, self.path.removeprefix(PREFIX), None)

    def media(self, code: str | None = None) -> dict[str, Any] | None:
        """The JSON of the request, or of the answer with that code."""
        holder = self.raw.get("requestBody") if code is None else resolved(self.raw["responses"].get(code))
        found: dict[str, Any] | None = ((holder or {}).get("content") or {}).get(JSON)
        return found

    def examples(self, code: str | None = None) -> dict[str, Any]:
        """Examples of the request, or of the answer with that code, by name."""
        media = self.media(code) or {}
        named = {name: resolved(example)["value"] for name, example in media.get("examples", {}).items()}
        return {**named, **({"": media["example"]} if "example" in media else {})}

    def send(self, world: DescribedWorld, body: Any = None, query: str = "") -> Answer:
        """Send it in the name of whoever may do it. What it changes stays."""
        client = world.clients[CALLERS.get(takes(self.route), "user")]
        send = getattr(client, self.method)
        address = self.route.path(world.values) + query
        answer = send(address) if body is None else send(address, body, format="json")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return Answer(answer.status_code, answer.headers.get("Content-Type", ""), content)


def operations() -> Iterator[Operation]:
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method, path, item[method])


class undone:  # noqa: N801 - a context manager
    """What is written inside is taken back."""

    def __enter__(self) -> None:
        self._block = transaction.atomic()
        self._block.__enter__()

    def __exit__(self, *error: object) -> None:
        transaction.set_rollback(True)
        self._block.__exit__(*error)
