"""The Celery application. Messages are wake-ups: they name rows and carry nothing else.

Losing one costs the seconds until the next reconcile pass, so publishing neither retries nor raises, and a broker that
is down is left alone for a while instead of making every request wait for it.
"""

from __future__ import annotations

import logging
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from celery import Celery, uuid

from polyaxon import telemetry

if TYPE_CHECKING:
    from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")

logger = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE = 5.0  # seconds
# Each component takes the messages of its own queue; the embedded server takes all.
PASSES, HPSEARCH, MONITORS, EVENTS = "polyaxon.passes", "polyaxon.hpsearch", "polyaxon.monitors", "polyaxon.events"
PODS = "polyaxon.pods"
QUEUES = (PASSES, HPSEARCH, MONITORS, EVENTS, PODS)
ROUTES = {
    "scheduler.group": HPSEARCH,
    "scheduler.searches": HPSEARCH,
    "scheduler.webhooks": EVENTS,
    "scheduler.follow": PODS,
    "monitors.*": MONITORS,
}

# Routes are known from the start: when they are set while the rest is being read, Celery asks for the rest again.
# Without fixups: Celery's for Django would have each task begin with a new connection to the database.
app = Celery("polyaxon", changes={"task_routes": {task: {"queue": queue} for task, queue in ROUTES.items()}}, fixups=[])


def configure() -> None:
    """Settings of the broker, from the typed configuration."""
    from polyaxon.settings import CONFIG  # noqa: PLC0415 - importing this module must not need settings

    broker = CONFIG.broker
    urls = {
        "memory": "memory://localhost/",
        "rabbitmq": broker.amqp_url,
        "redis": f"redis://{broker.redis_celery_broker_url}",
    }
    app.conf.update(
        broker_url=urls[broker.broker_backend],
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        broker_connection_max_retries=None,  # a worker that gives up would need somebody to start it again
        broker_transport_options={"polling_interval": 0.05} if broker.broker_backend == "memory" else {},
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,
        task_default_queue=PASSES,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=4,
        worker_hijack_root_logger=False,
        timezone="UTC",
    )


app.on_configure.connect(lambda **_: configure(), weak=False)


class _Publisher:
    """Sends, and after a failure stays quiet for a while."""

    def __init__(self) -> None:
        self._quiet_until = 0.0
        # Queues that are known to be there, by channel: after a broken connection there is another one.
        self._declared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()

    def send(self, task: str, *arguments: object, countdown: float | None = None, expires: float | None = None) -> bool:
        """Whether it was sent. Never raises: what the message tells of has been committed. Times are in seconds."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            self._put(task, arguments, countdown=countdown, expires=expires)
        except Exception as error:  # noqa: BLE001 - each broker's client has errors of its own
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE
            logger.warning("No wake-up sent, the reconcile pass will find the work: %s", error)
            telemetry.WAKE_UPS.labels(task, "no").inc()
            return False
        telemetry.WAKE_UPS.labels(task, "yes").inc()
        return True

    def _put(self, task: str, arguments: tuple[object, ...], **times: float | None) -> None:
        """Celery's message, in the queue. By `send_task`, which looks up what is the same for all, it takes thrice as
        long, and every change of a run's status sends some.
        """
        message = app.amqp.create_task_message(
            uuid(), task, arguments, {}, argsrepr=repr(arguments), kwargsrepr="{}", **times
        )
        queue = _queue(task)
        with app.producer_or_acquire() as producer:
            declared = self._declared.setdefault(producer.channel, set())
            producer.publish(
                message.body,
                exchange="",  # the one that every queue is bound to by its name
                routing_key=queue.name,
                headers=message.headers,
                declare=() if queue.name in declared else (queue,),
                **message.properties,
            )
            declared.add(queue.name)


@cache
def _queue(task: str) -> Queue:
    """Where the messages of a task go."""
    queue: Queue = app.amqp.router.route({}, task)["queue"]
    return queue


publisher = _Publisher()
