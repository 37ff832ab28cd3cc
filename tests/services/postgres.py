"""A PostgreSQL server for tests."""

from __future__ import annotations

import contextlib
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import psycopg2
import psycopg2.errors

from tests.services.base import HOST, Service, ServiceError, free_port

USER = DATABASE = "polyaxon"

# A commit survives a crash of the server but not of the machine, which is all that tests need; memory small.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "logging_collector": "off",
}


def binaries() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


class Postgres(Service):
    """PostgreSQL with one superuser `polyaxon` and one empty database `polyaxon`."""

    name: ClassVar[str] = "postgres"
    account: ClassVar[str] = "postgres"
    # SIGTERM would wait for clients to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, parent: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        """`settings` go over those of tests."""
        super().__init__(parent)
        self._settings = {**SETTINGS, **(settings or {})}
        self.port = 0
        self.password = secrets.token_hex(16)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    def choose_ports(self) -> None:
        self.port = free_port()

    def prepare(self) -> None:
        if not self._data.exists():
            self._init_database()

    def spawn(self) -> None:
        options = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        self.run_process([self._program("postgres"), "-D", str(self._data), "-p", str(self.port), *options])

    def probe(self) -> None:
        # Another server on this port would refuse the password.
        connection = psycopg2.connect(
            host=HOST, port=self.port, user=USER, password=self.password, dbname="postgres", connect_timeout=2
        )
        with contextlib.closing(connection):
            connection.autocommit = True
            with connection.cursor() as cursor, contextlib.suppress(psycopg2.errors.DuplicateDatabase):
                cursor.execute(f"CREATE DATABASE {DATABASE}")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _init_database(self) -> None:
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        self.own(password_file)
        password_file.write_text(self.password)
        command = [self._program("initdb"), "-D", str(self._data), "-U", USER, f"--pwfile={password_file}"]
        self.run_tool([*command, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        password_file.unlink()

    def _program(self, name: str) -> str:
        folder = binaries()
        if folder is None:
            raise ServiceError("postgres: no server found in /usr/lib/postgresql (Debian package postgresql)")
        return str(folder / name)
