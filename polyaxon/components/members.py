"""How many replicas of a component live, so that they share its shards evenly."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models.functions import Now

from polyaxon.components import leases
from polyaxon.db.models import Lease

KEPT = timedelta(hours=1)  # rows of replicas that are gone


class Members:
    """Each replica holds a lease of its own; those that have not expired are counted."""

    def __init__(self, component: str, owner: str, seconds: float) -> None:
        self._prefix = f"{component}/replica/"
        self._contender = leases.Contender(f"{self._prefix}{owner.rsplit('/', 1)[-1]}", owner, seconds)
        self._renew_after = seconds / 3
        self._seconds = seconds
        self._held: leases.Tenure | None = None

    def share(self) -> int:
        """How many there are, this one among them. Raises the database's errors."""
        if self._held is None or time.monotonic() > self._held.until - self._seconds + self._renew_after:
            self._renew()
        return max(1, Lease.objects.filter(name__startswith=self._prefix, expires_at__gt=Now()).count())

    def leave(self) -> None:
        """This one is no more."""
        Lease.objects.filter(name=self._contender.name).delete()

    def _renew(self) -> None:
        Lease.objects.filter(name__startswith=self._prefix, expires_at__lt=Now() - KEPT).delete()
        try:
            self._held = self._contender.renew(self._held) if self._held else self._contender.acquire()
        except leases.LeaseLost:
            self._held = self._contender.acquire()
