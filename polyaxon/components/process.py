"""One component as a process: its worker or HTTP server, its loops, its status page; from start to a clean end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from polyaxon.components import heap, leases
from polyaxon.components.http import StatusServer
from polyaxon.components.loops import Loops
from polyaxon.components.registry import COMPONENTS, WEB, loops
from polyaxon.components.web import WebThread
from polyaxon.components.worker import is_connected, thread_worker

logger = logging.getLogger(__name__)

DRAIN_MARGIN = 2.0  # seconds that are left when requests under way are cut off


class StartRefused(Exception):
    """One sentence for whoever started the process."""


class Component:
    """`run` serves until SIGTERM or SIGINT and returns the exit code: 0, or 1 after a part of it has died."""

    def __init__(self, name: str) -> None:
        config = settings.CONFIG
        self.name = name
        self.owner = leases.new_owner()
        self._patience: float = config.components.component_stop_timeout
        self._ending = threading.Event()
        self._died: str | None = None
        queue = COMPONENTS[name]
        if config.in_one_process:
            raise StartRefused(
                f"The component {name} needs a broker that other processes reach: set POLYAXON_BROKER_BACKEND."
            )
        self._worker = thread_worker([queue], f"{name}@{self.owner}") if queue else None
        self._worker_thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._web = self._serving(config.server.host, config.server.port) if name == WEB else None
        self._loops = Loops(
            loops(name),
            seconds=config.components.lease_seconds,
            on_death=self._give_up,
            on_hang=self._leave,
            owner=self.owner,
        )
        self._status = self._listen(config.components.component_host, config.components.component_port)

    def run(self) -> int:
        """Until a signal, or the death of a part."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._ending.set())
        self._status.start()
        if self._worker is not None:
            self._worker_thread.start()
        if self._web is not None:
            self._web.start()
        self._loops.start()
        heap.settle()
        sys.stdout.write(f"{self.name} works; see /healthz, /readyz and /metrics on port {self._status.port}\n")
        sys.stdout.flush()
        self._ending.wait()
        return self._end()

    def _end(self) -> int:
        stopped = self._stop()
        self._status.close()
        if self._died is not None:
            self._leave(self._died)
        if not stopped:
            self._leave("What was under way did not end in time and was cut off; passes are done again.", code=0)
        return 0

    def _stop(self) -> bool:
        """Finish what is under way; whether it was finished in time."""
        deadline = time.monotonic() + self._patience
        ending = threading.Thread(target=self._stop_worker, name="worker-stop", daemon=True)
        ending.start()
        served = self._web is None or self._web.stop(self._patience)
        ended = self._loops.stop(deadline - time.monotonic())
        ending.join(max(0.0, deadline - time.monotonic()))
        return served and ended and not ending.is_alive()

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker_thread.join()

    def _work(self) -> None:
        assert self._worker is not None
        try:
            self._worker.start()
        except BaseException:
            logger.exception("The worker failed")
        if not self._ending.is_set():
            self._give_up("The worker ended by itself")

    def _give_up(self, why: str) -> None:
        """End, because a part of it did."""
        self._died = self._died or why
        self._ending.set()

    def _leave(self, why: str, *, code: int = 1) -> NoReturn:
        """End at once, without waiting for threads. Nothing is lost by that, as by SIGKILL."""
        logger.critical("%s: %s", self.name, why)
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)

    def _serving(self, host: str, port: int) -> WebThread:
        try:
            return WebThread(host, port, drain=max(1.0, self._patience - DRAIN_MARGIN), on_death=self._give_up)
        except OSError as error:
            raise StartRefused(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with "
                "POLYAXON_HOST and POLYAXON_PORT."
            ) from error

    def _listen(self, host: str, port: int) -> StatusServer:
        try:
            return StatusServer(host, port, {"/healthz": self._health, "/readyz": self._readiness})
        except OSError as error:
            raise StartRefused(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with "
                "POLYAXON_COMPONENT_HOST and POLYAXON_COMPONENT_PORT."
            ) from error

    def _health(self) -> tuple[bool, dict[str, Any]]:
        is_well = self._died is None
        return is_well, {"component": self.name, "replica": self.owner, "loops": self._loops.describe()}

    def _readiness(self) -> tuple[bool, dict[str, Any]]:
        parts = {
            "database": _answers(),
            "broker": self._worker is None or is_connected(self._worker),
            "http": self._web is None or self._web.is_serving,
        }
        is_ready = all(parts.values()) and not self._ending.is_set() and self._died is None
        return is_ready, self._health()[1] | parts


def _answers() -> bool:
    """Whether the database does."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except AnyDatabaseError:
        return False
    finally:
        connection.close()  # the thread is of one request
    return True
