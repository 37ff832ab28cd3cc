"""Questions to the workers, through the queue that their work comes through: two numbers, whose sum is the answer."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from kombu import Consumer, Exchange, Queue

from polyaxon.queues import app

TASK = "monitors.ping"
REPLIES_KEPT = 60.0  # seconds, where the broker can forget a queue by itself
TRANSIENT = 1


class WrongAnswer(Exception):
    """A worker answered, but not with the sum."""


def ping(timeout: float, queue: str) -> None:
    """Wait up to `timeout` seconds for a worker of `queue`.

    Raises TimeoutError, `WrongAnswer` and the broker's errors.
    """
    first, second = secrets.randbelow(1000), secrets.randbelow(1000)
    with app.connection_for_write() as connection:
        replies = _queue(f"polyaxon.pong.{uuid.uuid4().hex}").bind(connection.default_channel)
        replies.declare()
        try:
            app.send_task(TASK, args=[first, second, replies.name], expires=timeout, queue=queue)
            if _next(connection, replies, timeout) != first + second:
                raise WrongAnswer
        finally:
            replies.delete()


def answer(first: int, second: int, reply_to: str) -> None:
    """The worker's part."""
    with app.connection_for_write() as connection:
        producer = connection.Producer(serializer="json")
        producer.publish(first + second, exchange="", routing_key=reply_to, delivery_mode=TRANSIENT)


def _queue(name: str) -> Queue:
    # The nameless exchange: an answer that comes too late finds no queue and is dropped.
    return Queue(name, Exchange(""), routing_key=name, durable=False, auto_delete=True, expires=REPLIES_KEPT)


def _next(connection: Any, replies: Any, timeout: float) -> Any:
    received: list[Any] = []
    consumer = Consumer(
        connection.default_channel,
        [replies],
        callbacks=[lambda body, _message: received.append(body)],
        no_ack=True,
        auto_declare=False,
        accept=["json"],
    )
    with consumer:
        while not received:
            connection.drain_events(timeout=timeout)
    return received[0]
