"""What a crash of the database takes along: nothing but what is seen again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from polyaxon.db.durability import unsynced
from polyaxon.db.writes import execute
from tests.embedded.server import ROOT, postgres_environment
from tests.services import Postgres
from tests.services.fixtures import require_packages

# Otherwise Postgres itself writes such commits every 0.2 s.
RARELY = {"wal_writer_delay": "10000ms"}


def step(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.scheduler.crash_of_database", name]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), check=False, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_crash_of_the_database_loses_nothing_that_is_not_seen_again(tmp_path: Path) -> None:
    require_packages()
    with Postgres(settings=RARELY) as postgres:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("POLYAXON_", "DJANGO_"))}
        environment = {
            **kept,
            **postgres_environment(postgres.url),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "POLYAXON_DATA_DIR": str(tmp_path / "data"),
            "DJANGO_SETTINGS_MODULE": "polyaxon.settings",
        }
        begun = step("begin", environment)
        postgres.kill()
        postgres.start()
        # The slot and the attempt are there with the token that its process has: it began, so it begins no second time.
        assert step("look", environment) == begun
        assert (begun["status"], begun["attempt"], begun["tokens"]) == ("starting", 1, 1)

        ended = step("follow", environment)
        assert ended["statuses"] == ["created", "scheduled", "starting", "running", "succeeded"]
        postgres.kill()
        postgres.start()
        assert step("look", environment)["status"] in {"starting", "running", "succeeded"}
        again = step("follow", environment)
    assert again == ended
    assert (again["status"], again["attempt"], again["ends"], again["tokens"]) == ("succeeded", 1, 1, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's commits never wait for the disk")
def test_only_the_transaction_that_asks_for_it_does_not_wait() -> None:
    def waits() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    with transaction.atomic():
        execute(unsynced())
        assert waits() == "off"
    assert waits() == "on"
