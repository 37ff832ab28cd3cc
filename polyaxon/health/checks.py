"""One check per component, each with an answer whatever happens. Anybody reads messages, so they name no address."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from polyaxon import options
from polyaxon.db.models import Cluster, PodWatch
from polyaxon.health import pings
from polyaxon.queues import EVENTS, HPSEARCH, PASSES, app
from polyaxon.stores.errors import human_bytes

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 2  # seconds
MISSED_PASSES = 3
WATCH_FRESH = 60.0  # seconds


# Names that 0.6 gave to what its installation consisted of.
COMPONENTS = ("POSTGRES", "RABBITMQ", "REDIS", "SCHEDULER", "HPSEARCH", "EVENTS", "K8SEVENTS", "CRONS", "STREAMS")


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """How one component does."""

    is_healthy: bool
    message: str
    severity: Severity


def healthy(message: str) -> Report:
    return Report(is_healthy=True, message=message, severity=Severity.INFO)


def unhealthy(message: str, severity: Severity = Severity.ERROR) -> Report:
    return Report(is_healthy=False, message=message, severity=severity)


def report() -> dict[str, Report]:
    """All of `COMPONENTS`."""
    workers = _workers()
    return {
        "POSTGRES": _guarded("database", _database),
        "RABBITMQ": _guarded("broker", _broker),
        "REDIS": _guarded("Redis", _redis),
        "SCHEDULER": workers[PASSES],
        "HPSEARCH": workers[HPSEARCH],
        "EVENTS": workers[EVENTS],
        "K8SEVENTS": _guarded("the watch of pods", _watch),
        "CRONS": _guarded("periodic passes", _periodic_passes),
        "STREAMS": healthy("Served by the process that answers this."),
    }


def _guarded(name: str, check: Callable[[], Report]) -> Report:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
        logger.warning("Health check of %s failed: %s", name, error)
        return unhealthy(f"The check of {name} failed. The server's log tells why.")


def _database() -> Report:
    query = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        "postgresql": "SELECT pg_database_size(current_database())",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query)
        size = int(cursor.fetchone()[0])
    return healthy(f"The database ({connection.display_name}) answers. It holds {human_bytes(size)}.")


def _broker() -> Report:
    backend = settings.CONFIG.broker.broker_backend
    if backend != "rabbitmq":
        where = "inside of this process" if backend == "memory" else "through Redis"
        return healthy(f"Not in use: messages travel {where}.")
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=CONNECT_TIMEOUT)
    return healthy("The broker takes connections.")


def _redis() -> Report:
    broker = settings.CONFIG.broker
    addresses = [broker.redis_url] if broker.redis_url else []
    if broker.broker_backend == "redis":
        addresses.append(f"redis://{broker.redis_celery_broker_url}")
    for address in addresses:
        client = redis.Redis.from_url(address, socket_timeout=CONNECT_TIMEOUT, socket_connect_timeout=CONNECT_TIMEOUT)
        try:
            client.ping()
        finally:
            client.close()
    return healthy("Redis answers." if addresses else "Not in use.")


def _workers() -> dict[str, Report]:
    """By queue. The embedded server's one worker takes from all, so one question does."""
    timeout = options.value("HEALTH_CHECK_WORKER_TIMEOUT")
    queues = (PASSES, HPSEARCH, EVENTS)
    asked = queues[:1] if settings.CONFIG.broker.broker_backend == "memory" else queues
    with ThreadPoolExecutor(len(asked), thread_name_prefix="ping") as pool:
        found = list(pool.map(lambda queue: _guarded("workers", partial(_worker, timeout, queue)), asked))
    return dict(zip(queues, found * (len(queues) // len(asked)), strict=True))


def _worker(timeout: float, queue: str) -> Report:
    try:
        pings.ping(timeout, queue)
    except TimeoutError:
        return unhealthy(f"No worker answered within {timeout} s.")
    except pings.WrongAnswer:
        return unhealthy("A worker answered wrongly.", Severity.WARNING)
    return healthy("A worker answered.")


def _watch() -> Report:
    if not settings.CONFIG.on_cluster:
        return healthy("Not in use: runs are processes of this machine.")
    namespace = settings.CONFIG.kubernetes.k8s_namespace
    last = PodWatch.objects.filter(namespace=namespace).values_list("alive_at", flat=True).first()
    if last is None:
        return unhealthy("Nobody has watched pods yet.", Severity.WARNING)
    seconds = (timezone.now() - last).total_seconds()
    message = f"Pods were last known {seconds:.0f} s ago."
    return healthy(message) if seconds <= WATCH_FRESH else unhealthy(message)


def _periodic_passes() -> Report:
    last = Cluster.objects.values_list("checked_at", flat=True).first()
    if last is None:
        return unhealthy("No periodic pass has run yet.", Severity.WARNING)
    seconds = (timezone.now() - last).total_seconds()
    due = settings.CONFIG.intervals.intervals_clusters_update_system_nodes * MISSED_PASSES
    message = f"The cluster was last looked at {seconds:.0f} s ago."
    return healthy(message) if seconds <= due else unhealthy(message)
