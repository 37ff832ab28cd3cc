"""Session fixtures with the addresses of the services.

`make test` starts the services once and exports their addresses; a plain `pytest` starts what it needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.services.packages import PackagesMissingError, ensure_packages
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import Redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services.base import Service


def require_packages() -> None:
    """Install what is missing; skip where that is not possible, but fail in CI."""
    try:
        ensure_packages()
    except PackagesMissingError as problem:
        if os.environ.get("CI") == "true":
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem))


def _address(variable: str, kind: type[Service]) -> Iterator[str]:
    if exported := os.environ.get(variable):
        yield exported
        return
    require_packages()
    with kind() as service:
        yield service.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """`postgresql://` address of a superuser and an empty database."""
    yield from _address("POLYAXON_TEST_POSTGRES_URL", Postgres)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """`redis://` address."""
    yield from _address("POLYAXON_TEST_REDIS_URL", Redis)


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """`amqp://` address of RabbitMQ."""
    yield from _address("POLYAXON_TEST_AMQP_URL", RabbitMQ)
