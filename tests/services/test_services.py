"""Contract of the services: they come up, work, keep data over a restart, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest
import redis
from kombu import Connection

from scripts import processes
from tests.services import Postgres, RabbitMQ, Redis, Service, ServiceError, free_port
from tests.services.fixtures import require_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.services
ROOT = Path(__file__).resolve().parents[2]
KINDS = [Postgres, Redis, pytest.param(RabbitMQ, marks=pytest.mark.slow)]


@pytest.fixture(autouse=True, scope="module")
def _packages() -> None:
    require_packages()


def execute(address: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


def write(service: Service, value: str) -> None:
    match service:
        case Postgres():
            execute(service.url, "CREATE TABLE IF NOT EXISTS kept (value text)")
            execute(service.url, "INSERT INTO kept VALUES (%s)", value)
        case Redis():
            with contextlib.closing(redis.Redis.from_url(service.url)) as client:
                client.set("kept", value)
        case RabbitMQ():
            # It says so when it has written it out; a crash before that may lose it.
            confirmed = Connection(service.url, transport_options={"confirm_publish": True})
            with confirmed as connection, connection.SimpleQueue("kept") as queue:
                queue.put(value, delivery_mode=2)


def read(service: Service) -> str:
    match service:
        case Postgres():
            return str(execute(service.url, "SELECT value FROM kept")[0][0])
        case Redis():
            with contextlib.closing(redis.Redis.from_url(service.url, decode_responses=True)) as client:
                return str(client.get("kept"))
        case RabbitMQ():
            with Connection(service.url) as connection, connection.SimpleQueue("kept") as queue:
                message = queue.get(timeout=60)
                message.ack()
                return str(message.payload)
    raise AssertionError(service)


def tree(service: Service) -> list[psutil.Process]:
    """Every process of the service, children included."""
    roots = [psutil.Process(pid) for pid in service.pids]
    return [*roots, *(child for root in roots for child in root.children(recursive=True))]


def is_refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def listening_addresses(process: psutil.Process) -> set[str]:
    with contextlib.suppress(psutil.NoSuchProcess):
        sockets = process.net_connections("tcp")
        return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    return set()


@pytest.mark.parametrize("kind", KINDS)
def test_works_then_leaves_nothing(kind: type[Service]) -> None:
    value = uuid.uuid4().hex
    with kind() as service:
        write(service, value)
        assert read(service) == value
        family, folder, port = tree(service), service.folder, urlsplit(service.url).port
        assert folder.is_dir()
        assert family
    psutil.wait_procs(family, timeout=60)
    assert [process for process in family if process.is_running()] == []
    assert not folder.exists()
    assert port is not None
    assert is_refused(port)


@pytest.fixture(scope="module", params=KINDS)
def running(request: pytest.FixtureRequest) -> Iterator[Service]:
    with request.param() as service:
        yield service


def test_listens_on_loopback_only(running: Service) -> None:
    addresses = set[str]().union(*map(listening_addresses, tree(running)))
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="accounts change only when root starts the service")
def test_root_does_not_run_services_as_root(running: Service) -> None:
    assert {psutil.Process(pid).username() for pid in running.pids} == {running.account}


@pytest.mark.parametrize(
    ("kind", "ending"),
    [(Postgres, "stop"), (Postgres, "kill"), pytest.param(RabbitMQ, "kill", marks=pytest.mark.slow)],
)
def test_data_and_address_survive_a_restart(kind: type[Service], ending: str) -> None:
    with kind() as service:
        address = service.url
        write(service, "before")
        if kind is RabbitMQ:
            time.sleep(0.5)  # a crashed broker keeps what it had written out
        getattr(service, ending)()
        assert service.pids == []
        service.start()
        assert service.url == address
        assert read(service) == "before"


@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_two_at_once_do_not_meet(kind: type[Service]) -> None:
    with kind() as one, kind() as other:
        write(one, "one")
        write(other, "other")
        assert (read(one), read(other)) == ("one", "other")


class _Broken(Redis):
    def spawn(self) -> None:
        self.run_process(["sh", "-c", "echo the disk is on fire; exit 3"])


def test_failed_start_shows_the_log_and_cleans_up() -> None:
    service = _Broken()
    with pytest.raises(ServiceError, match="the disk is on fire"), service:
        pytest.fail("a broken service started")
    assert service.pids == []
    assert not service.folder.exists()


class _TakenPortFirst(Redis):
    """Loses its first port to another process."""

    def __init__(self, taken: int) -> None:
        super().__init__()
        self.planned = [taken, free_port()]

    def choose_ports(self) -> None:
        self.port = self.planned.pop(0)


def test_lost_race_for_a_port_is_repeated() -> None:
    with Redis() as other, _TakenPortFirst(other.port) as service:
        # Both answer; the second one is a server of its own.
        assert service.port != other.port
        write(service, "mine")
        assert read(service) == "mine"


@contextlib.contextmanager
def owner_of_a_service() -> Iterator[tuple[subprocess.Popen[bytes], list[int], Path]]:
    """A child process that holds a running Postgres: the child, the server's pids, its folder."""
    code = (
        "import time; from scripts.processes import raising_signals\n"
        "from tests.services import Postgres\n"
        "with raising_signals(), Postgres() as service:\n"
        "    print(*service.pids, service.folder, flush=True); time.sleep(100)\n"
    )
    child = processes.start([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        *pids, folder = child.stdout.readline().split()
        yield child, [int(pid) for pid in pids], Path(folder.decode())
    finally:
        processes.end(child)


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def gone(pids: list[int], within: float = 60) -> bool:
    """Whether all processes end in time."""
    deadline = time.monotonic() + within
    while not all(map(has_ended, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_signal_to_the_owner_cleans_up(number: signal.Signals) -> None:
    with owner_of_a_service() as (child, pids, folder):
        assert pids
        child.send_signal(number)
        child.wait(60)
        assert gone(pids)
        assert not folder.exists()


def test_killed_owner_takes_its_service_along() -> None:
    with owner_of_a_service() as (child, pids, folder):
        assert pids
        child.kill()
        child.wait(60)
        assert gone(pids)
        shutil.rmtree(folder)


def test_fixtures_give_working_addresses(postgres_url: str, redis_url: str) -> None:
    assert execute(postgres_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(True,)]
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        assert client.ping() is True


def test_amqp_fixture_delivers(amqp_url: str) -> None:
    name = f"probe-{uuid.uuid4().hex}"
    with Connection(amqp_url) as connection, connection.SimpleBuffer(name) as queue:
        queue.put({"row": 1})
        assert queue.get(timeout=60).payload == {"row": 1}
