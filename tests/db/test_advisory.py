"""Advisory locks: one holder among connections, none after its connection is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from polyaxon.db.advisory import held_alone
from scheduler.turns import one_at_a_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _several_processes(settings: Any) -> None:
    """With a broker that other processes reach there may be others."""
    if connection.vendor != "postgresql":
        pytest.skip("only Postgres has advisory locks")
    broker = settings.CONFIG.broker.model_copy(update={"broker_backend": "rabbitmq"})
    settings.CONFIG = replace(settings.CONFIG, broker=broker)


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of `work` on a connection of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(90)
    return found[0]


def is_free(*key: object) -> bool:
    with held_alone(*key) as ours:
        return ours


def test_one_has_it_until_the_block_ends() -> None:
    with held_alone("run", 1) as ours:
        assert ours
        assert not elsewhere(lambda: is_free("run", 1))
        assert elsewhere(lambda: is_free("run", 2))
    assert elsewhere(lambda: is_free("run", 1))


def test_it_ends_with_the_connection() -> None:
    with held_alone("run", 1):
        connection.close()
        assert elsewhere(lambda: is_free("run", 1))


def test_a_pass_is_left_out_while_another_process_is_at_it() -> None:
    calls: list[int] = []
    work = one_at_a_time(lambda: calls.append(1))
    original = work.__wrapped__  # type: ignore[attr-defined]
    with held_alone("pass", original.__module__, original.__qualname__):
        elsewhere(work)
        assert calls == []
    elsewhere(work)
    assert calls == [1]
