"""The loops of one process, each under its lease.

Two threads keep them: one talks to the database, and may be held up by it; the other only looks at the clock, so that a
loop whose lease runs out is ended whatever the database does. A loop that does not end ends the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from itertools import groupby

from django.db import Error as AnyDatabaseError
from django.db import connections

from polyaxon.components import leases
from polyaxon.components.members import Members
from polyaxon.components.registry import Loop
from polyaxon.components.seats import OnDeath, Seat

logger = logging.getLogger(__name__)

CHECK_INTERVAL = 0.1  # seconds
STEPS = 15  # in the time of a lease: how soon a free one is noticed


class Loops:
    """Of this process. `on_death` gets what is wrong with a loop that ended, `on_hang` with one that does not end."""

    def __init__(
        self, loops: Sequence[Loop], *, seconds: float, on_death: OnDeath, on_hang: OnDeath, owner: str = ""
    ) -> None:
        owner = owner or leases.new_owner()
        self.seats = [
            Seat(each, shard, owner=owner, seconds=seconds, on_death=on_death)
            for each in loops
            for shard in range(each.shards)
        ]
        self._members = {each.component: Members(each.component, owner, seconds) for each in loops if each.shards > 1}
        self._interval = min(1.0, seconds / STEPS)
        self._on_hang = on_hang
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._watchdog = threading.Thread(target=self._watch, name="leases-watchdog", daemon=True)

    def start(self) -> None:
        if self.seats:
            self._keeper.start()
            self._watchdog.start()

    def stop(self, timeout: float) -> bool:
        """Have every loop end and give back every lease; whether that was done within `timeout` seconds."""
        if not self._keeper.is_alive():
            return True
        deadline = time.monotonic() + timeout
        for seat in self.seats:
            seat.end()
        have_ended = [seat.join(deadline - time.monotonic()) for seat in self.seats]
        self._stopping.set()
        self._keeper.join(max(0.5, deadline - time.monotonic()))
        self._stopped.set()
        return all(have_ended) and not self._keeper.is_alive()

    def describe(self) -> dict[str, str]:
        """Each loop, and whether it acts here."""
        return {seat.name: "acting" if seat.is_acting else "standing by" for seat in self.seats}

    def _keep(self) -> None:
        while not self._stopping.wait(self._interval):
            self._round(may_take=True)
        self._round(may_take=False)
        self._leave()
        connections.close_all()

    def _round(self, *, may_take: bool) -> None:
        try:
            shares = {name: members.share() for name, members in self._members.items()} if may_take else {}
            for loop, seats in groupby(self.seats, lambda seat: seat.loop):
                share = -(-loop.shards // shares.get(loop.component, 1))
                self._step(list(seats), share if may_take else 0, may_take=may_take)
        except AnyDatabaseError as error:
            logger.warning("Leases cannot be kept: %s", str(error).strip())
            connections.close_all()

    def _step(self, seats: list[Seat], share: int, *, may_take: bool) -> None:
        """`share`: how many of the seats this process is to have."""
        taken = [seat for seat in seats if seat.is_taken]
        for seat in taken[share:]:
            seat.end()
        free = share - len(taken)
        for seat in seats:
            was_taken = seat.is_taken
            seat.step(may_take=may_take and (was_taken or free > 0))
            free -= seat.is_taken and not was_taken

    def _leave(self) -> None:
        try:
            for members in self._members.values():
                members.leave()
        except AnyDatabaseError as error:
            logger.warning("A lease was not given back: %s", str(error).strip())

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_INTERVAL):
            for seat in self.seats:
                if wrong := seat.check():
                    self._on_hang(wrong)
