"""Databases for servers under test."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The name of an empty database of the server at `postgres_url`, which goes with the block."""
    name = f"test_{time.time_ns()}"
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            yield name
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        connection.close()
