"""A RabbitMQ server for tests, with an Erlang port mapper of its own."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from pathlib import Path
from typing import ClassVar

import amqp

from tests.services.base import HOST, Service, free_port

USER = "polyaxon"
# Not Debian's wrapper of the same name: that one insists on the system's own folders.
PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ(Service):
    """RabbitMQ without plugins; one administrator, `polyaxon`."""

    name: ClassVar[str] = "rabbitmq"
    account: ClassVar[str] = "rabbitmq"
    ready_timeout: ClassVar[float] = 90

    def __init__(self, parent: Path | None = None) -> None:
        super().__init__(parent)
        self._password = secrets.token_hex(16)
        self._node = f"polyaxon-{secrets.token_hex(4)}@localhost"
        self.port = self._distribution_port = self._mapper_port = 0

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self._password}@{HOST}:{self.port}//"

    def choose_ports(self) -> None:
        self.port, self._distribution_port, self._mapper_port = free_port(), free_port(), free_port()

    def prepare(self) -> None:
        self._write("rabbitmq.conf", self._configuration())
        self._write("enabled_plugins", "[].\n")
        if not (self.folder / ".erlang.cookie").exists():
            self._write(".erlang.cookie", secrets.token_hex(16), mode=0o400)

    def spawn(self) -> None:
        # A mapper that nobody else shares goes away with the service.
        self.run_process(["epmd", "-port", str(self._mapper_port), "-address", HOST])
        _await_listener(self._mapper_port)
        self.run_process([str(PROGRAM)], self._settings())

    def probe(self) -> None:
        # The plain protocol client: kombu's connection would wait and try again by itself.
        # Another server on this port would refuse the password.
        connection = amqp.Connection(f"{HOST}:{self.port}", USER, self._password, connect_timeout=2)
        with contextlib.closing(connection):
            connection.connect()

    def _configuration(self) -> str:
        return "\n".join(
            [
                f"listeners.tcp.local = {HOST}:{self.port}",
                f"default_user = {USER}",
                f"default_pass = {self._password}",
                "vm_memory_high_watermark.absolute = 1GB",
                "disk_free_limit.absolute = 20MB",
                "log.console = true",
                "log.console.level = warning",
                "",
            ]
        )

    def _settings(self) -> dict[str, str]:
        folder = str(self.folder)
        # One scheduler thread is plenty; distribution listens on loopback only.
        arguments = "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_CRASH_DUMP": f"{folder}/erl_crash.dump",
            "RABBITMQ_BASE": folder,
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/generated",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments,
            # The start script then becomes the server instead of watching it: one process, one id.
            "RUNNING_UNDER_SYSTEMD": "1",
        }

    def _write(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        self.own(path)


def _await_listener(port: int) -> None:
    """Give the mapper a moment: a server that finds none starts another that would outlive it."""
    for _ in range(50):
        try:
            socket.create_connection((HOST, port), timeout=0.1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
