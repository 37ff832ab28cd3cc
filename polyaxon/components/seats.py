"""One loop (or one shard of it) in one process: waits for its lease, acts while it holds it, gives it back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connections

from polyaxon import telemetry
from polyaxon.components import leases
from polyaxon.components.registry import Loop
from polyaxon.components.turns import Turn

logger = logging.getLogger(__name__)

RENEWALS = 3  # in the time of a lease
SOFT, HARD = 2 / 3, 14 / 15  # of the time without a renewal: the loop is told to end; the process ends
LONGEST_PAUSE = 10.0  # seconds, of a loop that the database failed

OnDeath = Callable[[str], None]


class Fatal(Exception):
    """What a loop cannot go on after: one sentence for whoever runs the platform."""


class Seat:
    """`step` talks to the database and belongs to one thread; `check` only looks at the clock and to another."""

    def __init__(
        self,
        loop: Loop,
        shard: int,
        *,
        owner: str,
        seconds: float,
        on_death: OnDeath,
        clock: leases.Clock = time.monotonic,
    ) -> None:
        self.name = loop.lease(shard)
        self.loop = loop
        self.shard = shard
        self._seconds = seconds
        self._on_death = on_death
        self._clock = clock
        self._contender = leases.Contender(self.name, owner, seconds, clock=clock)
        self._held: leases.Tenure | None = None
        self._turn: Turn | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_taken(self) -> bool:
        """Whether this process has the lease, or still acts under one."""
        return self._held is not None

    @property
    def is_acting(self) -> bool:
        """Whether the loop is to act and does."""
        return self._turn is not None and not self._turn.is_over

    def step(self, *, may_take: bool) -> None:
        """Get the lease, keep it, or give it back. Raises the database's errors: it is called again soon."""
        held = self._held
        if held is None:
            if may_take and (held := self._contender.acquire()) is not None:
                self._begin(held)
        elif self._has_ended():
            leases.release(held)
            self._leave()
        elif self.is_acting and self._clock() >= held.until - self._seconds * (1 - 1 / RENEWALS):
            self._renew(held)

    def check(self) -> str | None:
        """End the loop in time if the lease was not renewed. What is wrong, if it does not end."""
        held = self._held
        if held is None:
            return None
        left = held.until - self._clock()
        if left < self._seconds * (1 - SOFT) and self.is_acting:
            logger.warning("The lease %s could not be renewed in time; its loop ends", self.name)
            self.end()
        if left < self._seconds * (1 - HARD) and not self._has_ended():
            return f"{self.name} did not end before its lease did"
        return None

    def end(self) -> None:
        """Tell the loop to end."""
        if self._turn is not None:
            self._turn.end()

    def join(self, timeout: float) -> bool:
        """Wait for the loop's end; whether it came."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))
        return self._has_ended()

    def _begin(self, held: leases.Tenure) -> None:
        logger.info("Took the lease %s", self.name)
        telemetry.LEASE_HELD.labels(self.name).set(1)
        self._turn = turn = Turn(held, shard=self.shard, shards=self.loop.shards)
        self._thread = threading.Thread(target=self._run, args=(turn,), name=self.name, daemon=True)
        self._held = held
        self._thread.start()

    def _renew(self, held: leases.Tenure) -> None:
        try:
            self._held = self._contender.renew(held)
        except leases.LeaseLost as lost:
            logger.warning("%s; its loop ends here", lost)
            telemetry.LEASES_LOST.labels(self.name).inc()
            self.end()

    def _leave(self) -> None:
        logger.info("Gave back the lease %s", self.name)
        telemetry.LEASE_HELD.labels(self.name).set(0)
        self._held = self._turn = self._thread = None

    def _has_ended(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def _run(self, turn: Turn) -> None:
        try:
            self._work(turn)
        except leases.LeaseLost as lost:
            turn.end()
            logger.warning("%s; its loop ends here", lost)
        except Fatal as error:
            self._on_death(str(error))
        except BaseException as error:
            logger.exception("%s failed", self.name)
            self._on_death(f"{self.name} failed: {type(error).__name__}: {error}")
        else:
            if not turn.is_over:
                self._on_death(f"{self.name} ended by itself")
        finally:
            connections.close_all()

    def _work(self, turn: Turn) -> None:
        """A database that is away passes: the loop is begun anew."""
        pause = 1.0
        while True:
            try:
                return self.loop.work(turn)
            except (OperationalError, InterfaceError) as error:
                logger.warning("%s: the database failed, it begins anew: %s", self.name, str(error).strip())
            connections.close_all()
            if turn.wait(pause):
                return None
            pause = min(pause * 2, LONGEST_PAUSE)
