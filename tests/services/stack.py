"""All services at once."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import Redis

if TYPE_CHECKING:
    from types import TracebackType

    from tests.services.base import Service


class ServiceStack:
    """Postgres, Redis and RabbitMQ with their data in one temporary folder; a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="polyaxon-services-"))
        # The services' accounts must get through to their own folders.
        self.folder.chmod(0o711)
        self.rabbitmq = RabbitMQ(self.folder)
        self.redis = Redis(self.folder)
        self.postgres = Postgres(self.folder)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services, the slowest to start first."""
        return (self.rabbitmq, self.redis, self.postgres)

    def start(self) -> None:
        """Start all side by side, then wait for each; `ServiceError` if one does not come up."""
        for service in self.services:
            service.launch()
        for service in self.services:
            service.wait_ready()

    def remove(self) -> None:
        """Stop everything and remove the data."""
        for service in self.services:
            service.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """The variables that tell tests where the services are."""
        return {
            "POLYAXON_TEST_POSTGRES_URL": self.postgres.url,
            "POLYAXON_TEST_REDIS_URL": self.redis.url,
            "POLYAXON_TEST_AMQP_URL": self.rabbitmq.url,
        }

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
