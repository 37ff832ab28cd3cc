"""Signs of life at addresses that the caller names."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable

logger = logging.getLogger("polyaxon_client")


class HealthChecks:
    """Calls ``beat`` with each address that is set, every ``interval`` seconds, first after one. Thread-safe.

    A sign that is lost is not repeated: the next one follows.
    """

    def __init__(self, beat: Callable[[str], object], interval: float) -> None:
        self._beat = beat
        self._interval = interval
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, url: str) -> None:
        """Begin; nothing for an address that is set already."""
        with self._changed:
            self._due.setdefault(url, time.monotonic() + self._interval)
            # A thread does not live on in the child of a fork.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="polyaxon-health", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def unset(self, url: str) -> None:
        """No more signs there; nothing for an address that is not set."""
        with self._changed:
            self._due.pop(url, None)
            self._changed.notify_all()

    def stop(self) -> None:
        """No more signs anywhere; the thread ends."""
        with self._changed:
            self._due.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            urls = self._wait()
            if urls is None:
                return
            for url in urls:
                self._send(url)

    def _send(self, url: str) -> None:
        try:
            self._beat(url)
        except Exception as error:  # noqa: BLE001 - nothing of it may reach the caller's program
            logger.debug("no sign of life at %s: %s", url, error)

    def _wait(self) -> list[str] | None:
        """The addresses whose turn it is; ``None`` once there are none."""
        with self._changed:
            while self._due:
                now = time.monotonic()
                urls = [url for url, due in self._due.items() if due <= now]
                if urls:
                    self._due.update(dict.fromkeys(urls, now + self._interval))
                    return urls
                self._changed.wait(min(self._due.values()) - now)
            self._thread = None
            return None
