"""Who is at it: passes skip what is under way already rather than pile up behind it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from polyaxon.db.advisory import held_alone


def one_at_a_time(function: Callable[[], Any]) -> Callable[[], None]:
    """`function`, doing nothing while another call of it is under way, in this process or another."""
    lock = threading.Lock()

    @functools.wraps(function)
    def guarded() -> None:
        if lock.acquire(blocking=False):
            try:
                _if_alone(function)
            finally:
                lock.release()

    return guarded


def _if_alone(function: Callable[[], Any]) -> None:
    with held_alone("pass", function.__module__, function.__qualname__) as ours:
        if ours:
            function()


class Turns:
    """At most one thread of this process at a time deals with a thing."""

    def __init__(self) -> None:
        self._taken: set[Hashable] = set()
        self._lock = threading.Lock()

    @contextmanager
    def take(self, key: Hashable) -> Iterator[bool]:
        """Whether `key` is ours inside the block. Does not wait: whoever has it looks again soon."""
        with self._lock:
            ours = key not in self._taken
            self._taken.add(key)
        try:
            yield ours
        finally:
            if ours:
                with self._lock:
                    self._taken.discard(key)


class Rounds:
    """The same for work that must not miss a wake-up: when one comes meanwhile, the work is done once more."""

    def __init__(self) -> None:
        self._again: dict[Hashable, bool] = {}  # of the keys that are taken
        self._lock = threading.Lock()

    def run(self, key: Hashable, work: Callable[[], object]) -> bool:
        """Do `work`, or have the thread that is at `key` do its own again, and do not wait for it: then False."""
        with self._lock:
            taken = key in self._again
            self._again[key] = taken
        if taken:
            return False
        try:
            work()
            while self._wanted(key):
                work()
        except BaseException:
            with self._lock:
                del self._again[key]
            raise
        return True

    def _wanted(self, key: Hashable) -> bool:
        """Whether somebody came meanwhile. If nobody did, the key is free at the same moment."""
        with self._lock:
            if not self._again[key]:
                del self._again[key]
                return False
            self._again[key] = False
            return True


class Gathered:
    """Things that come from many callers, done many at once: who finds enough others at it leaves theirs to these."""

    def __init__(self, *, at_once: int, workers: int) -> None:
        self._at_once = at_once
        self._workers = workers
        self._waiting: dict[int, None] = {}  # in the order in which they came
        self._lock = threading.Lock()

    def run(self, things: Iterable[int], work: Callable[[list[int]], object]) -> None:
        """Do `work` with what waits until nothing does, or leave `things` to those who do."""
        with self._lock:
            self._waiting.update(dict.fromkeys(things))
            if not self._workers:
                return
            self._workers -= 1
        try:
            while part := self._part():
                work(part)
        except BaseException:
            with self._lock:
                self._workers += 1
            raise

    def _part(self) -> list[int]:
        """What is to be done next. If there is nothing, the caller is not at it any more at the same moment."""
        with self._lock:
            part = list(self._waiting)[: self._at_once]
            for thing in part:
                del self._waiting[thing]
            self._workers += not part
            return part


# Of groups, by number. In one process two passes never ask one algorithm at a time.
groups = Rounds()
# Of the one who gives out slots.
dispatches = Rounds()
# Of the runs' uuids. Observing, launching and cleaning up a run never overlap in the process that has its runner.
runs = Turns()
