"""The background thread: sends what was queued, in batches, and repeats until it arrived."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Callable

from polyaxon_client.workers.lanes import LOGS, UPDATES, Item, Lanes
from polyaxon_client.workers.request import Request
from polyaxon_client.workers.target import Target, Unresolved
from polyaxon_client.workers.values import to_json
from polyaxon_client.workers.wire import Reply, Unreachable, Wire

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection

logger = logging.getLogger("polyaxon_client.tracking")

QUEUE_LIMIT = 100_000
EAGER = 200
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
LONGEST_PAUSE_AT_EXIT = 1.0
TOO_LARGE_OR_WRONG = frozenset({400, 413, 422})
# Servers of 0.6 take log lines of experiments only.
NO_SUCH_ROUTE = frozenset({404, 405})
TRY_AGAIN = frozenset({408, 409, 425, 429})  # 409: what was sent before is still worked on
SERVER_ERRORS = range(500, 600)


class Sender:
    """Delivers items for one connection. All methods are thread-safe and none raises because of the server.

    Args:
        connection: address and identity.
        interval: seconds that points and lines may wait for company.
        heartbeat: seconds between two signs of life.
        limit: how many items may wait; the oldest go first when there are more.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        interval: float = 1.0,
        heartbeat: float = 60.0,
        limit: int = QUEUE_LIMIT,
    ) -> None:
        self.connection = connection
        self._interval = interval
        self._heartbeat = heartbeat
        self._limit = limit
        self._deadline: float | None = None
        self._warned: set[str] = set()
        self._fresh()
        _SENDERS.add(self)

    def submit(self, item: Item) -> None:
        """Queue an item and return at once."""
        with self._changed:
            if not self._lanes.put(item):
                self._warn(
                    "full",
                    f"more than {self._limit} updates are waiting for the server: the oldest are dropped",
                )
            waiting = len(self._lanes)
            if waiting in {1, EAGER} or item.lane == UPDATES:
                self._changed.notify_all()
        if self._thread is None:
            self._start()

    def update(
        self,
        target: Target | None,
        method: str,
        suffix: str,
        body: Any = None,
        on_reply: Callable[[bytes], None] | None = None,
    ) -> None:
        """Queue one request below the target (without target: an API path). ``body`` may be a
        function that is called in the background."""
        payload = body if body is None or callable(body) else to_json(body)
        self.submit(Item(UPDATES, target, payload, method=method, suffix=suffix, on_reply=on_reply))

    def create(self, target: Target, body: Any, on_reply: Callable[[bytes], None], once: str) -> None:
        """Queue the creation of the target itself; what is queued later waits for it.

        ``once`` is the key of an attempt whose answer was lost: if it arrived all the same, its answer comes again.
        """
        self.submit(Item(UPDATES, target, to_json(body), suffix=None, on_reply=on_reply, once=once))

    def keep_alive(self, target: Target) -> None:
        """Send a heartbeat for the target every now and then, first after one interval."""
        with self._changed:
            self._beats[target] = time.monotonic() + self._heartbeat
            self._changed.notify_all()
        if self._thread is None:
            self._start()

    def let_go(self, target: Target) -> None:
        """No more heartbeats for the target."""
        with self._changed:
            self._beats.pop(target, None)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was queued has arrived; false when it has not within ``timeout`` seconds."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._left, timeout)

    def close(self, timeout: float) -> bool:
        """Deliver what is queued within ``timeout`` seconds and end the thread; the rest is given up."""
        with self._changed:
            self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
            running = self._thread is not None and self._thread.is_alive()
            if running:
                # Not `join`: code that a signal interrupted may hold the lock; waiting gives it away.
                self._changed.wait_for(lambda: self._ended, timeout + 0.5)
        if not running and self._left:
            # No new thread can be started while the interpreter shuts down.
            self._run()
        if self._left:
            self._warn("lost", f"{self._left} updates did not reach {self.connection.base_url} and are lost")
        return not self._left

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        """One request in the calling thread, tried once. Raises :class:`Unreachable`."""
        wire = Wire(self.connection)
        try:
            return wire.call(method, path, None if body is None else to_json(body))
        finally:
            wire.close()

    def reset_after_fork(self) -> None:
        """In a child process: nothing queued, no thread, no connection; those belong to the parent."""
        self._fresh()

    @property
    def _left(self) -> int:
        return len(self._lanes) + self._in_flight

    def _fresh(self) -> None:
        # The lock is re-entrant: a signal handler may flush while the main thread is inside `submit`.
        self._changed = threading.Condition(threading.RLock())
        self._lanes = Lanes(self._limit)
        self._in_flight = 0
        self._urgent = False
        self._ended = False
        self._deadline = None
        self._thread: threading.Thread | None = None
        self._beats: dict[Target, float] = {}
        self._wire = Wire(self.connection)

    def _start(self) -> None:
        with self._changed:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="polyaxon-sender", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down: `close` delivers
                return
            self._thread = thread
        _flush_at_exit_of_worker_process(self)

    def _run(self) -> None:
        while not self._finished():
            self._send_beats()
            batch = self._next_batch()
            if batch:
                self._deliver(batch)
                self._landed(len(batch))
        self._wire.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _finished(self) -> bool:
        with self._changed:
            return self._deadline is not None and (not self._lanes or self._expired())

    def _expired(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _next_batch(self) -> list[Item]:
        """Wait for something to send, a moment for company, or until a heartbeat is due."""
        with self._changed:
            self._changed.wait_for(lambda: self._lanes or self._deadline is not None, self._until_beat())
            if self._lanes and self._may_linger():
                self._changed.wait_for(lambda: not self._may_linger(), self._interval)
            batch = self._lanes.take()
            self._in_flight = len(batch)
            return batch

    def _may_linger(self) -> bool:
        return not self._urgent and self._deadline is None and len(self._lanes) < EAGER

    def _landed(self, count: int) -> None:
        with self._changed:
            self._in_flight = max(0, self._in_flight - count)
            if not self._left:
                self._urgent = False
            self._changed.notify_all()

    def _deliver(self, batch: list[Item]) -> None:
        """Repeat until the batch arrived, was refused, or the time after the exit began is over."""
        request = Request(batch)
        pause = FIRST_PAUSE
        while True:
            wanted = self._attempt(request)
            if wanted is None:
                break
            if self._expired() or not self._pause(max(pause, wanted)):
                self._give_up(batch)
                return
            pause = min(pause * 2, LONGEST_PAUSE)
        if request.refused_status in TOO_LARGE_OR_WRONG and len(batch) > 1:
            # One bad point must not take its neighbours along.
            middle = len(batch) // 2
            self._deliver(batch[:middle])
            self._deliver(batch[middle:])
        elif request.refused_status:
            self._refused(request)

    def _give_up(self, batch: list[Item]) -> None:
        with self._changed:
            # Counted as left by `close`.
            for item in batch:
                self._lanes.put(item)

    def _attempt(self, request: Request) -> float | None:
        """Send once; ``None`` when the matter is settled, else the seconds that the server asks to wait."""
        try:
            reply = request.send(self._wire, self._time_left())
        except Unreachable as error:
            self._warn("connection", f"no connection to {self.connection.base_url}: {error}; trying again")
            return 0.0
        except Unresolved as error:
            reply = Reply(error.status, b"", 0.0)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, training goes on
            self._warn(f"internal-{type(error).__name__}", f"an update could not be sent: {error!r}")
            return None
        if reply is None or reply.ok:
            return None
        if reply.status in TRY_AGAIN or reply.status in SERVER_ERRORS:
            self._warn(f"status-{reply.status}", f"{self.connection.base_url} answers {reply.status}; trying again")
            return reply.retry_after
        request.refused_status = reply.status
        request.refused_body = reply.body
        return None

    def _refused(self, request: Request) -> None:
        request.bury()
        if request.lane == LOGS and request.refused_status in NO_SUCH_ROUTE:
            logger.info("tracking: this server takes no log lines for runs of this kind")
            return
        said = request.refused_body[:300].decode("utf-8", errors="replace")
        self._warn(f"status-{request.refused_status}", f"{request} was refused with {request.refused_status}: {said}")

    def _pause(self, seconds: float) -> bool:
        """Wait; false when the time after the exit began is over. The beginning of the exit ends the wait."""
        with self._changed:
            if self._deadline is None:
                self._changed.wait_for(lambda: self._deadline is not None, seconds)
            else:
                left = self._deadline - time.monotonic()
                time.sleep(max(0.0, min(seconds, LONGEST_PAUSE_AT_EXIT, left)))
            return not self._expired()

    def _time_left(self) -> float | None:
        return None if self._deadline is None else max(0.1, self._deadline - time.monotonic())

    def _until_beat(self) -> float | None:
        return max(0.0, min(self._beats.values()) - time.monotonic()) if self._beats else None

    def _send_beats(self) -> None:
        now = time.monotonic()
        with self._changed:
            due = [target for target, when in self._beats.items() if when <= now and target.entity_id is not None]
            for target in list(self._beats):
                if self._beats[target] <= now:
                    self._beats[target] = now + self._heartbeat
        for target in due:
            # A lost heartbeat is not repeated: the next one follows.
            self._attempt(Request([Item(UPDATES, target, None, suffix="_heartbeat/")]))

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("tracking: %s (said once)", text)


_SENDERS: weakref.WeakSet[Sender] = weakref.WeakSet()
_SHARED: dict[Any, Sender] = {}
_exit_timeout = 20.0


def set_exit_timeout(seconds: float) -> None:
    """How long children of :mod:`multiprocessing` may go on delivering when they end."""
    global _exit_timeout  # noqa: PLW0603 - one per process
    _exit_timeout = seconds


def sender_for(connection: Connection, *, interval: float = 1.0, heartbeat: float = 60.0) -> Sender:
    """The one sender of this process for a server and identity."""
    key = (connection.base_url, tuple(sorted(connection.headers.items())), connection.verify)
    if key not in _SHARED:
        _SHARED[key] = Sender(connection, interval=interval, heartbeat=heartbeat)
    return _SHARED[key]


def close_all(timeout: float) -> None:
    """Deliver what all senders hold; ``timeout`` seconds altogether."""
    deadline = time.monotonic() + timeout
    for sender in list(_SENDERS):
        sender.close(max(0.0, deadline - time.monotonic()))


def _reset_all() -> None:
    for sender in list(_SENDERS):
        sender.reset_after_fork()


def _flush_at_exit_of_worker_process(sender: Sender) -> None:
    """Children of :mod:`multiprocessing` that were forked leave without the usual exit handlers."""
    import sys  # noqa: PLC0415

    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    from multiprocessing.util import Finalize  # noqa: PLC0415

    Finalize(None, sender.close, args=(_exit_timeout,), exitpriority=100)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
