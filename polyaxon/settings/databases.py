"""Django's database settings for SQLite and Postgres."""

from __future__ import annotations

from typing import Any

from polyaxon.settings.config import Config, DatabaseConfig

SQLITE = "django.db.backends.sqlite3"


def settings(config: Config) -> dict[str, Any]:
    """The `DATABASES["default"]` entry."""
    database = config.database
    return _sqlite(config) if database.db_engine == SQLITE else _postgres(database)


def _sqlite(config: Config) -> dict[str, Any]:
    return {
        "ENGINE": SQLITE,
        "NAME": config.database.db_name or str(config.data_dir / "polyaxon.sqlite3"),
        "CONN_MAX_AGE": config.database.db_conn_max_age,
        "OPTIONS": {
            # A transaction takes the write lock when it begins. Two that read first and write later would
            # otherwise deadlock, which SQLite answers at once with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 60,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-32000;"
                "PRAGMA mmap_size=134217728;PRAGMA journal_size_limit=67108864;"
            ),
        },
    }


def _postgres(database: DatabaseConfig) -> dict[str, Any]:
    return {
        "ENGINE": database.db_engine,
        "NAME": database.db_name or "polyaxon",
        "USER": database.db_user,
        "PASSWORD": database.db_password,
        "HOST": database.db_host,
        "PORT": database.db_port,
        "CONN_MAX_AGE": database.db_conn_max_age,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 10},
    }
