"""Periodic passes, each in a thread of its own, so that neither a slow one nor a broker that is down stops the others.

By the monotonic clock: one that is set back must not silence them until it has caught up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections

logger = logging.getLogger(__name__)


class Ticker:
    """Calls `work` at once and then every `interval` seconds; turns missed by a slow one are left out."""

    def __init__(self, name: str, work: Callable[[], object], interval: float) -> None:
        self.name = name
        self._work = work
        self._interval = interval
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until `stop` is called."""
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._interval
            self._turn()

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopping.set()

    def _turn(self) -> None:
        try:
            self._work()
        except Exception:
            logger.exception("%s failed; it is tried again", self.name)
        finally:
            close_old_connections()
