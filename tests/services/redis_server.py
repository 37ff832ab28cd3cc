"""A Redis server for tests."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.base import HOST, Service, ServiceError, free_port

if TYPE_CHECKING:
    from pathlib import Path


class Redis(Service):
    """Redis without persistence."""

    name: ClassVar[str] = "redis"
    account: ClassVar[str] = "redis"

    def __init__(self, parent: Path | None = None) -> None:
        super().__init__(parent)
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def choose_ports(self) -> None:
        self.port = free_port()

    def prepare(self) -> None:
        """Redis takes everything from its command line."""

    def spawn(self) -> None:
        network = ["--bind", HOST, "--port", str(self.port)]
        storage = ["--dir", str(self.folder), "--save", "", "--appendonly", "no", "--maxmemory", "256mb"]
        self.run_process(["redis-server", *network, *storage, "--daemonize", "no"])

    def probe(self) -> None:
        once = Retry(NoBackoff(), 0)
        client = redis.Redis(host=HOST, port=self.port, socket_timeout=2, retry=once)
        with contextlib.closing(client):
            process = client.info("server")["process_id"]
        if process not in self.pids:
            raise ServiceError(f"port {self.port} belongs to another server")
