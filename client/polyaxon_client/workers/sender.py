"""The background thread: sends what was queued, in batches, and repeats until it arrived.

Callers only append to a queue. While the server is away, what waits goes to disk; what is left when the process ends
stays there, and ``polyaxon sync`` sends it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from polyaxon_client.workers import registry
from polyaxon_client.workers.delivery import Delivery
from polyaxon_client.workers.lanes import FILES, METRICS, UPDATES, Item, Lanes, Point
from polyaxon_client.workers.request import Request
from polyaxon_client.workers.shield import shielded
from polyaxon_client.workers.spool import Spool, new_name
from polyaxon_client.workers.target import Target
from polyaxon_client.workers.values import json_safe, to_json
from polyaxon_client.workers.wire import Reply, Wire

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection
    from polyaxon_client.workers.uploads import Uploads

T = TypeVar("T")

MEMORY_LIMIT = 100_000
SPOOL_LIMIT = 1 << 30
EAGER = 200
CHUNK = 2000
BYTES_PER_VALUE = 45
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
LONGEST_PAUSE_AT_EXIT = 1.0


class Sender:
    """Delivers items for one connection. All methods are thread-safe and none raises because of the server.

    Args:
        connection: address and identity.
        interval: seconds that points and lines may wait for company.
        heartbeat: seconds between two signs of life.
        limit: how many points, lines and updates may wait in memory; more go to disk.
        spool: folder for recordings of what waits on disk; without one, the oldest are dropped.
        spool_limit: most bytes there.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        interval: float = 1.0,
        heartbeat: float = 60.0,
        limit: int = MEMORY_LIMIT,
        spool: Path | None = None,
        spool_limit: int = SPOOL_LIMIT,
    ) -> None:
        self.connection = connection
        self._interval = interval
        self._heartbeat = heartbeat
        self._limit = limit
        self._spool_root = spool
        self._spool_limit = spool_limit
        self._spool: Spool | None = None
        self._deadline: float | None = None
        self._uploads: Uploads | None = None
        self._fresh()
        registry.SENDERS.add(self)

    def point(self, target: Target, point: Point) -> None:
        """Queue a point: the path of training loops, which takes no lock."""
        arrived = self._arrived
        arrived.append((target, point))
        if len(arrived) >= self._wake_at:
            self._notice()

    def submit(self, item: Item) -> None:
        """Queue an item and return at once."""
        with self._changed:
            self._gather()
            self._lanes.put(item)
            self._make_room()
            if item.lane == UPDATES or self._waiting() >= self._wake_at:
                self._wake()
        if self._thread is None:
            self._start()

    def update(self, target: Target | None, method: str, suffix: str, body: Any = None) -> None:
        """Queue one request below the target (without target: an API path).

        ``body`` may be a function that is called in the background; when it gives ``None``, nothing is sent.
        """
        payload = body if callable(body) else json_safe(body)
        self.submit(Item(UPDATES, target, payload, method=method, suffix=suffix))

    def create(self, target: Target, body: Any, once: str) -> None:
        """Queue the creation of the target itself; what is queued later waits for it.

        ``once`` is the key of an attempt whose answer was lost: if it arrived all the same, its answer comes again.
        """
        self.submit(Item(UPDATES, target, json_safe(body), suffix=None, once=once))

    def upload(self, target: Target, files: list[dict[str, Any]]) -> None:
        """Queue files, described as in :mod:`polyaxon_client.workers.files`; they are sent beside the rest."""
        if self._uploads is None:
            from polyaxon_client.workers.uploads import Uploads  # noqa: PLC0415 - many runs have none

            self._uploads = Uploads(self.connection)
        if not self._uploads.submit(Item(FILES, target, files)):
            self._warn("files", "too many files are waiting for the server: the newest are left out")

    def keep_alive(self, target: Target) -> None:
        """Send a heartbeat for the target every now and then, first after one interval."""
        with self._changed:
            self._beats[target] = time.monotonic() + self._heartbeat
            self._wake()
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
            self._wake()
            started = time.monotonic()
            done = self._changed.wait_for(lambda: not self._left, timeout)
        left = max(0.0, timeout - (time.monotonic() - started))
        return done and (self._uploads is None or self._uploads.flush(left))

    def close(self, timeout: float) -> bool:
        """Deliver what is queued within ``timeout`` seconds and end the thread; the rest is kept on disk."""
        with self._changed:
            self._deadline = time.monotonic() + timeout
            self._wake()
            running = self._thread is not None and self._thread.is_alive()
            if running:
                # Not `join`: code that a signal interrupted may hold the lock; waiting gives it away.
                self._changed.wait_for(lambda: self._ended, timeout + 0.5)
        if not running and self._left:
            # No new thread can be started while the interpreter shuts down.
            self._run()
        files = [] if self._uploads is None else self._uploads.close(self._time_left() or 0.0)
        self._uploads = None
        with self._changed:
            for item in files:
                self._lanes.put(item)
            left = self._left
            if left:
                self._keep(left)
            elif self._spool is not None:
                self._spool.close()
        return not left

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
        taken = self._current.count if self._current else self._taken.count if self._taken else 0
        on_disk = len(self._spool) if self._spool and self._waits_on_disk else 0
        return self._waiting() + on_disk + (0 if self._from_spool else taken)

    @property
    def _waits_on_disk(self) -> bool:
        """Whether something on disk is to be sent."""
        return self._spool is not None and not self._spool.is_empty

    def _waiting(self) -> int:
        return len(self._arrived) + len(self._lanes)

    def _fresh(self) -> None:
        # The lock is re-entrant: a signal handler may flush while the main thread is inside `submit`.
        self._changed = threading.Condition(threading.RLock())
        self._arrived: deque[tuple[Target, Point]] = deque()
        # At how many waiting points their caller tells the thread: it sleeps, waits for company, or is busy.
        self._wake_at = 1
        self._lanes = Lanes()
        self._taken: Item | None = None
        self._current: Request | None = None
        self._from_spool = False
        self._urgent = False
        self._ended = False
        self._deadline = None
        self._thread: threading.Thread | None = None
        self._beats: dict[Target, float] = {}
        self._uploads = None
        self._delivery = Delivery(self.connection)
        if self._spool is not None:
            self._spool.forget()
        self._spool = self._new_spool()

    def _new_spool(self) -> Spool | None:
        if self._spool_root is None:
            return None
        return Spool(self._spool_root / new_name(), self.connection.base_url, self._spool_limit)

    def _notice(self) -> None:
        """Enough has arrived for the thread to wake up, or for memory to be full."""
        with self._changed:
            self._wake()
            if len(self._arrived) >= self._limit:
                self._gather()
                self._make_room()
        if self._thread is None:
            self._start()

    def _wake(self) -> None:
        self._wake_at = self._limit
        self._changed.notify_all()

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
        registry.flush_at_exit_of_worker_process(self)

    def _run(self) -> None:
        while not self._finished():
            self._send_beats()
            request = self._next()
            if request is not None:
                self._deliver(request)
        self._delivery.wire.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _finished(self) -> bool:
        with self._changed:
            return self._deadline is not None and (not self._left or self._expired())

    def _expired(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _next(self) -> Request | None:
        """Wait for something to send, a moment for company, or until a heartbeat is due."""
        with self._changed:
            if self._current is None:
                self._sleep(1, lambda: self._has_work() or self._deadline is not None, self._until_beat())
                if self._has_work() and self._may_linger():
                    self._sleep(EAGER, lambda: not self._may_linger(), self._interval)
                self._take()
        if self._taken is not None:
            self._current, self._taken = self._prepared(self._taken), None
        return self._current

    def _sleep(self, wake_at: int, done: Any, seconds: float | None) -> None:
        self._wake_at = wake_at
        self._changed.wait_for(done, seconds)
        self._wake_at = self._limit

    def _take(self) -> None:
        """What is on disk is older than what is in memory."""
        head = self._on_disk(Spool.head) if self._waits_on_disk else None
        self._from_spool = head is not None
        if head is not None:
            self._current = head
        else:
            self._gather()
            self._taken = self._lanes.take()

    def _on_disk(self, call: Callable[[Spool], T]) -> T | None:
        """What the spool answers; one that fails is given up."""
        try:
            return None if self._spool is None else call(self._spool)
        except OSError as error:
            self._warn("spool", f"what waited in {self._spool_root} cannot be read or written: {error}")
            self._spool = None
            return None

    def _prepared(self, item: Item) -> Request | None:
        """Outside of the lock: what is looked up may take a while."""
        try:
            return Request(item)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, training goes on
            self._warn("prepare", f"an update is left out: {error!r}")
            return None

    def _has_work(self) -> bool:
        return bool(self._arrived or self._lanes or self._waits_on_disk)

    def _may_linger(self) -> bool:
        return not (self._urgent or self._waits_on_disk) and self._deadline is None and self._waiting() < EAGER

    def _gather(self) -> None:
        """Move points that arrived to their lanes."""
        arrived = self._arrived
        with shielded():
            while arrived:
                target = arrived[0][0]
                points: list[Point] = []
                values = 0
                while arrived and len(points) < CHUNK and arrived[0][0] is target:
                    point = arrived.popleft()[1]
                    points.append(point)
                    values += len(point[2])
                self._lanes.put(Item(METRICS, target, points, size=values * BYTES_PER_VALUE))

    def _landed(self) -> None:
        with self._changed:
            if self._current is not None and self._current.creates:
                self._on_disk(Spool.note)
            if self._from_spool:
                self._on_disk(Spool.advance)
            self._current = None
            self._from_spool = False
            if not self._left:
                self._urgent = False
            self._changed.notify_all()

    def _deliver(self, request: Request) -> None:
        """Repeat until it arrived, was refused, or the time after the exit began is over."""
        pause = FIRST_PAUSE
        while True:
            wanted = self._delivery.settle(request, self._time_left())
            if wanted is None:
                self._landed()
                return
            if pause > FIRST_PAUSE:
                with self._changed:
                    self._spill()
            if self._expired() or not self._pause(max(pause, wanted)):
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _make_room(self) -> None:
        if len(self._lanes) >= self._limit:
            self._spill()
            excess = len(self._lanes) - self._limit
            if excess >= 0:
                # A tenth more, so that this does not happen with every point.
                self._lanes.drop(excess + self._limit // 10)
                self._warn("full", "too many updates are waiting for the server: the oldest are dropped")

    def _spill(self) -> None:
        """Move what waits in memory to disk, as far as there is room."""
        with shielded():
            self._gather()
            while self._lanes and self._spool is not None and self._spool.has_room:
                item = self._lanes.take()
                request = None if item is None else self._prepared(item)
                if request is None or item is None:
                    continue
                try:
                    self._spool.append(request)
                except OSError as error:
                    self._lanes.put_back(item)
                    self._warn("spool", f"nothing can be kept in {self._spool.folder}: {error}")
                    return

    def _keep(self, left: int) -> None:
        """At the end: have what did not arrive on disk."""
        if self._spool is not None:
            try:
                self._keep_current(self._spool)
                self._spill()
                self._spool.note()
            except OSError as error:
                self._warn("spool", f"nothing can be kept in {self._spool.folder}: {error}")
        url, kept = self.connection.base_url, len(self._spool) if self._spool else 0
        if kept and self._spool is not None:
            folder = self._spool.folder
            self._warn("kept", f"{kept} updates did not reach {url} in time: `polyaxon sync {folder}` sends them")
            self._spool.forget()
            self._spool = None
        if left > kept:
            self._warn("lost", f"{left - kept} updates did not reach {url} and are lost")

    def _keep_current(self, spool: Spool) -> None:
        if self._taken is not None:
            self._current, self._taken = self._prepared(self._taken), None
        if self._current is not None and not self._from_spool:
            spool.prepend(self._current)
        self._current = None

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
            self._delivery.settle(Request(Item(UPDATES, target, None, suffix="_heartbeat/")), self._time_left())

    def _warn(self, kind: str, text: str) -> None:
        self._delivery.warn(kind, text)


_SHARED: dict[Any, Sender] = {}


def sender_for(connection: Connection, **options: Any) -> Sender:
    """The one sender of this process for a server and identity; ``options`` as of :class:`Sender`."""
    key = (connection.base_url, tuple(sorted(connection.headers.items())), connection.verify)
    if key not in _SHARED:
        _SHARED[key] = Sender(connection, **options)
    return _SHARED[key]
