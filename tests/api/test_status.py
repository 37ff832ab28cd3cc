"""Health and status of the components, with a real worker on the in-memory broker."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from polyaxon import options
from polyaxon.actions.cluster import the_cluster
from polyaxon.components.worker import thread_worker
from polyaxon.db.models import Cluster
from polyaxon.health import pings, report
from polyaxon.queues import QUEUES, app
from tests.api.conftest import url
from tests.embedded.server import free_port

if TYPE_CHECKING:
    from rest_framework.test import APIClient

COMPONENTS = {"CRONS", "EVENTS", "K8SEVENTS", "HPSEARCH", "POSTGRES", "RABBITMQ", "REDIS", "SCHEDULER", "STREAMS"}
PATIENCE = 60  # seconds
WORKERS = ("SCHEDULER", "HPSEARCH", "EVENTS")
pytestmark = pytest.mark.django_db


@pytest.fixture
def worker() -> Iterator[None]:
    app.autodiscover_tasks(["monitors"], force=True)
    made: queue.Queue[Any] = queue.Queue()

    def work() -> None:
        controller = thread_worker(QUEUES, "tests")  # closes the database connections of the thread that makes it
        made.put(controller)
        controller.start()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    made.get(timeout=PATIENCE).stop(in_sighandler=False)
    thread.join(PATIENCE)


@pytest.fixture(autouse=True)
def _empty_queue() -> None:
    """The in-memory broker still has what other tests sent."""
    with app.connection_for_write() as connection:
        connection.SimpleQueue(app.conf.task_default_queue).clear()


@pytest.fixture
def _impatient() -> None:
    options.write(options.find("HEALTH_CHECK_WORKER_TIMEOUT"), 1)


@pytest.fixture
def _patient() -> None:
    """Who is to answer may have only just begun to start."""
    options.write(options.find("HEALTH_CHECK_WORKER_TIMEOUT"), PATIENCE)


def refused(settings: Any, **broker: Any) -> None:
    changed = settings.CONFIG.broker.model_copy(update=broker)
    settings.CONFIG = replace(settings.CONFIG, broker=changed)


@pytest.mark.usefixtures("_patient")
def test_everything_is_healthy_with_a_worker(anonymous: APIClient, worker: None) -> None:
    the_cluster()
    Cluster.objects.update(checked_at=timezone.now())
    answer = anonymous.get("/statusz")
    assert answer.status_code == 200
    assert set(answer.json()) == COMPONENTS
    for name, found in answer.json().items():
        assert (name, found["is_healthy"], found["severity"]) == (name, True, "info"), found
    assert "bytes" not in answer.json()["POSTGRES"]["message"].replace("MiB", "")
    assert anonymous.get(url("status")).json().keys() == COMPONENTS


@pytest.mark.usefixtures("_impatient")
def test_missing_workers_are_an_error_within_the_time_out() -> None:
    started = time.monotonic()
    found = report()
    assert time.monotonic() - started < PATIENCE / 2  # nobody would ever answer
    assert [found[name].severity for name in WORKERS] == ["error"] * 3
    assert not found["SCHEDULER"].is_healthy
    assert "1 s" in found["SCHEDULER"].message
    assert found["POSTGRES"].is_healthy


@pytest.mark.usefixtures("_patient")
def test_a_wrong_answer_is_a_warning() -> None:
    def answer_wrongly() -> None:
        with app.connection_for_write() as connection:
            message = connection.SimpleQueue(app.conf.task_default_queue).get(timeout=PATIENCE)
            first, second, reply_to = message.payload[0]
            message.ack()
            pings.answer(first, second + 1, reply_to)

    liar = threading.Thread(target=answer_wrongly)
    liar.start()
    found = report()
    liar.join(PATIENCE)
    assert (found["SCHEDULER"].is_healthy, found["SCHEDULER"].severity) == (False, "warning")


@pytest.mark.usefixtures("_impatient")
def test_periodic_passes_that_stand_still_are_told() -> None:
    assert report()["CRONS"].severity == "warning"
    the_cluster()
    Cluster.objects.update(checked_at=timezone.now() - timedelta(hours=1))
    assert report()["CRONS"].severity == "error"


@pytest.mark.usefixtures("_impatient")
def test_a_redis_that_is_gone_is_an_error_without_its_address(settings: Any) -> None:
    address = f"redis://:hush@127.0.0.1:{free_port()}/0"
    refused(settings, redis_url=address)
    found = report()["REDIS"]
    assert (found.is_healthy, found.severity) == (False, "error")
    assert "hush" not in found.message
    assert "127.0.0.1" not in found.message


@pytest.mark.services
@pytest.mark.usefixtures("_impatient")
def test_a_real_redis_is_healthy(settings: Any, redis_url: str) -> None:
    refused(settings, redis_url=redis_url)
    assert report()["REDIS"].message == "Redis answers."


@pytest.mark.parametrize("path", ["/healthz", "/_health", "/_health/", "/api/v1/health"])
def test_health_has_several_addresses(anonymous: APIClient, path: str) -> None:
    answer = anonymous.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_checks_are_limited_and_probes_are_not(anonymous: APIClient, settings: Any) -> None:
    limit = settings.CONFIG.security.throttle_rates_checks
    codes = [anonymous.get(url("health")).status_code for _ in range(limit + 1)]
    assert codes == [200] * limit + [429]
    assert [anonymous.get("/healthz").status_code for _ in range(limit + 1)] == [200] * (limit + 1)
