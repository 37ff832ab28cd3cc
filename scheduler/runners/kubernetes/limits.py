"""How fast the API server is asked."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDING = 1e-6  # less than this of a token is no reason to sleep for a moment that no clock can tell


class TokenBucket:
    """At most `burst` requests at once and `rate` a second over time; all wait while the server asks for a pause."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._filled_at = clock()
        self._closed_until = 0.0

    def take(self) -> None:
        """Wait for one's turn."""
        while (wait := self._wait()) > 0:
            self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Let nobody through for a while."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _wait(self) -> float:
        """Seconds until it is worth looking again; 0 when the turn was given."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if now < self._closed_until:
                return self._closed_until - now
            if self._tokens > 1 - ROUNDING:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate
