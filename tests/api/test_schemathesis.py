"""Random requests that fit the description, from a user and from an administrator: none makes the server fail.

Each request is undone, so that the next one finds the same world: a project with everything in it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from api.throttling import Rate
from polyaxon.security import tokens
from tests.api.described import Operation, description, operations, undone
from tests.api.described_world import DescribedWorld

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = 3  # of each operation, each sent by every caller: about a minute in all
PARTS = 2
# Texts that the grammar of queries knows, or nearly knows.
QUERIES = [
    "status:running",
    "metrics.loss:<0.3",
    "-metric.loss",
    "created_at:2020-01-01..2021-01-01",
    "tags:a|~b",
    "id:",
]
CONFORMS = (response_schema_conformance, status_code_conformance)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[DescribedWorld]:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")
    there = DescribedWorld()
    # The handler's requests share the connection of the test. Clients of tests connect the signals again.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield there
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_makes_the_server_fail(world: DescribedWorld, part: int, caplog: pytest.LogCaptureFixture) -> None:
    schema = schemathesis.openapi.from_dict(description())
    schema.app = WSGIHandler()
    keys = [tokens.issue(caller) for caller in (world.boss, world.admin)]
    wrong: dict[str, Any] = {}
    for operation in list(operations())[part::PARTS]:
        strategy = schema[operation.path][operation.method.upper()].as_strategy()
        asked = Asked(operation, world, keys, caplog)
        if found := asked.with_many(strategy):
            wrong[operation.id] = found
    assert not wrong, "\n\n".join(f"{name}: {what}" for name, what in wrong.items())


class Asked:
    """One operation, asked with many requests."""

    def __init__(self, operation: Operation, world: DescribedWorld, keys: list[str], log: Any) -> None:
        self.operation = operation
        self.world = world
        self.keys = keys
        self.log = log
        self.problems: list[str] = []
        template = operation.path.split("/")
        actual = operation.route.path(world.values).split("/")
        self.there = {name.strip("{}"): value for name, value in zip(template, actual, strict=True) if name != value}
        self.examples = list(operation.examples().values())

    def with_many(self, strategy: Any) -> list[str]:
        """What went wrong. The requests are the same in each run."""

        @seed(1)
        @settings(
            max_examples=EXAMPLES if {"parameters", "requestBody"} & set(self.operation.raw) else 1,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, st.data())
        def ask(case: Any, data: Any) -> None:
            self._ask(case, data)

        ask()
        return self.problems

    def _ask(self, case: Any, data: Any) -> None:
        self._aim(case, data)
        for key in self.keys:
            self._send(case, key)

    def _send(self, case: Any, key: str) -> None:
        self.log.clear()
        with undone():
            answer = case.call(headers={"Authorization": f"Token {key}", "Accept-Encoding": "identity"})
        if answer.status_code >= 500:
            traces = [record.exc_text or "" for record in self.log.records if record.levelno >= logging.ERROR]
            self.problems.append(f"{answer.status_code} {case.as_curl_command()}\n{''.join(traces)[-2000:]}")
            return
        if answer.status_code == 405:
            return  # a parameter like `names` that spells another address
        try:
            case.validate_response(answer, checks=list(CONFORMS))
        except FailureGroup as group:
            self.problems.append(str(group.exceptions))

    def _aim(self, case: Any, data: Any) -> None:
        """Have most requests name what is there, and most bodies and queries be nearly right."""
        if data.draw(st.integers(0, 4)) < 4:
            case.path_parameters = {name: self.there.get(name, value) for name, value in case.path_parameters.items()}
        if self.examples:
            case.body = self._near(data.draw(st.sampled_from(self.examples)), case.body, data)
        if {"query", "sort"} & set(case.query or {}) and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(sorted({"query", "sort"} & set(case.query))))
            case.query = {**case.query, name: data.draw(st.sampled_from(QUERIES))}

    @staticmethod
    def _near(example: Any, body: Any, data: Any) -> Any:
        """The example, the example with some fields of the random body, or that body."""
        way = data.draw(st.sampled_from(["example", "mixed", "random"]))
        if way == "mixed" and isinstance(body, dict) and isinstance(example, dict):
            return example | {name: value for name, value in body.items() if data.draw(st.booleans())}
        return example if way == "example" else body
