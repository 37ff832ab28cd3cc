"""What a loop is given while it is its turn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from polyaxon.components import leases

logger = logging.getLogger(__name__)


class Turn:
    """The time for which a loop may act. It ends with the process, or before the lease does."""

    def __init__(self, held: leases.Tenure, *, shard: int = 0, shards: int = 1) -> None:
        self.shard = shard
        self.shards = shards
        self._held = held
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    @property
    def is_over(self) -> bool:
        """Whether to return, now."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep; at most until the turn is over, which is what it tells."""
        return self._over.wait(seconds)

    def on_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called, in another thread, once the turn is over: to cut short what blocks.

        At once if it is over already. Returns what takes the callback back.
        """
        with self._lock:
            over = self.is_over
            if not over:
                self._callbacks.append(callback)
        if over:
            _call(callback)
        return lambda: self._forget(callback)

    def fenced(self) -> AbstractContextManager[None]:
        """A transaction in which the lease is certainly ours. Raises `LeaseLost` if it is no more."""
        return leases.fenced(self._held)

    def owns(self, run: UUID) -> bool:
        """Whether `run` belongs to this shard. Each belongs to one."""
        return run.int % self.shards == self.shard

    def end(self) -> None:
        """Have the loop return."""
        with self._lock:
            self._over.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback)

    def _forget(self, callback: Callable[[], object]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("What should cut a loop short failed")
