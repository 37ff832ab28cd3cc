"""The same server on Postgres, RabbitMQ and Redis, and what losing their messages costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kombu import Connection

from tests.embedded.server import Server, free_port, postgres_environment
from tests.services.databases import fresh_database

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(400)]
DONE = {"succeeded", "failed", "stopped"}


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """An empty database that goes when the test ends."""
    with fresh_database(postgres_url) as name:
        yield name


@pytest.fixture
def full_server(tmp_path: Path, postgres_url: str, redis_url: str, amqp_url: str, database: str) -> Iterator[Server]:
    server = Server(
        tmp_path / "data",
        **postgres_environment(postgres_url, database),
        POLYAXON_BROKER_BACKEND="rabbitmq",
        POLYAXON_AMQP_URL=amqp_url,
        POLYAXON_REDIS_URL=f"{redis_url.rstrip('/')}/3" if urlsplit(redis_url).path in {"", "/"} else redis_url,
        POLYAXON_LOCAL_CONCURRENCY="4",
    )
    try:
        yield server.start()
    finally:
        server.close()


def test_a_search_on_postgres_rabbitmq_and_redis(full_server: Server) -> None:
    full_server.request("POST", "projects", {"name": "p"})
    content = {
        "version": 1,
        "kind": "group",
        "hptuning": {
            "concurrency": 2,
            "random_search": {"n_experiments": 4},
            "matrix": {"lr": {"uniform": [0.0, 1.0]}},
        },
        "run": {"cmd": "echo {{ lr }}"},
    }
    group = full_server.request("POST", "admin/p/groups", {"content": json.dumps(content)})["id"]
    full_server.wait_for(f"admin/p/groups/{group}", {"done"})
    trials = full_server.request("GET", f"admin/p/experiments?group={group}")["results"]
    assert [trial["last_status"] for trial in trials] == ["succeeded"] * 4
    for trial in trials:
        assert str(trial["params"]["lr"]) in full_server.text(f"admin/p/experiments/{trial['id']}/logs")


def test_losing_every_message_only_delays(full_server: Server, amqp_url: str) -> None:
    full_server.request("POST", "projects", {"name": "p"})
    runs = []
    with Connection(amqp_url) as connection:
        queue = connection.SimpleQueue("polyaxon.passes")
        for _ in range(6):
            runs.append(full_server.create_experiment("p", "sleep 0.5"))
            queue.clear()
        queue.close()
    ends = [full_server.wait_for(f"admin/p/experiments/{run}", DONE)["last_status"] for run in runs]
    assert ends == ["succeeded"] * 6


def test_a_second_server_on_the_same_database_is_refused(full_server: Server, tmp_path: Path) -> None:
    """It would find none of the first one's processes in its own folder, and start their runs again."""
    second = Server(tmp_path / "other" / "data", **postgres_of(full_server))
    second.folder.parent.mkdir()
    process = second.launch()
    assert process.wait(120) != 0
    assert "in use by another server" in second.log.read_text().splitlines()[-1]
    full_server.kill()
    try:
        second.start()  # Postgres lets go of what a dead server held
    finally:
        second.close()


def test_a_database_that_does_not_answer_is_one_clear_line(full_server: Server, tmp_path: Path) -> None:
    second = Server(tmp_path / "other" / "data", **postgres_of(full_server) | {"POLYAXON_DB_PORT": str(free_port())})
    second.folder.parent.mkdir()
    assert second.launch().wait(120) != 0
    assert "The database does not answer" in second.log.read_text().splitlines()[-1]
    assert "Traceback" not in second.log.read_text()


def postgres_of(server: Server) -> dict[str, str]:
    return {key: value for key, value in server.environment.items() if key.startswith("POLYAXON_DB_")}


def test_a_broker_that_is_gone_only_delays(full_server: Server, tmp_path: Path) -> None:
    full_server.stop()
    full_server.environment["POLYAXON_AMQP_URL"] = f"amqp://127.0.0.1:{free_port()}//"
    full_server.start()
    full_server.request("POST", "projects", {"name": "p"})
    run = full_server.create_experiment("p", "echo fine")
    full_server.wait_for(f"admin/p/experiments/{run}", {"succeeded"})
