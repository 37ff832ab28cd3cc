"""Leases: rows that say who may act where only one may (Gray and Cheriton, "Leases", SOSP 1989).

A holder counts its time by its own monotonic clock, from before it asked: its time is over no later than the row's. The
row expires by the database's clock, so no clocks of two machines are compared. Should the database's clock be set
back, a lease is free as well once somebody has seen it unrenewed for its whole time; should it be set forward, an owner
that was replaced too early is refused by its token, which counts owners.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from polyaxon.db.models import Lease

Clock = Callable[[], float]


class LeaseLost(Exception):
    """Somebody else has the lease now."""


def new_owner() -> str:
    """A name for this process that no other has, before it or after."""
    return f"{socket.gethostname()[:64]}/{os.getpid()}/{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Tenure:
    """A lease while we hold it. `until` is on our own monotonic clock, in seconds."""

    name: str
    owner: str
    token: int
    until: float


class Contender:
    """Tries to get one lease for one owner. Not for two threads at once."""

    def __init__(self, name: str, owner: str, seconds: float, *, clock: Clock = time.monotonic) -> None:
        self.name = name
        self._owner = owner
        self._seconds = seconds
        self._clock = clock
        self._sign: tuple[int, int] | None = None  # of the holder's life
        self._seen_at = 0.0

    def acquire(self) -> Tenure | None:
        """The lease, if nobody holds it. Raises the database's errors."""
        asked_at = self._clock()
        token, renewals, is_free = self._look()
        if (token, renewals) != self._sign:
            self._sign, self._seen_at = (token, renewals), asked_at
        if not is_free and asked_at - self._seen_at <= self._seconds:
            return None
        # Whoever else tried since has changed the token, or renewed.
        mine = Lease.objects.filter(name=self.name, token=token, renewals=renewals).update(
            owner=self._owner,
            token=token + 1,
            renewals=renewals + 1,
            expires_at=Now() + timedelta(seconds=self._seconds),
        )
        return Tenure(self.name, self._owner, token + 1, asked_at + self._seconds) if mine else None

    def renew(self, held: Tenure) -> Tenure:
        """`held` for another while. Raises `LeaseLost`, and the database's errors: then it may be tried again."""
        asked_at = self._clock()
        renewed = _rows(held).update(renewals=F("renewals") + 1, expires_at=Now() + timedelta(seconds=self._seconds))
        if not renewed:
            raise LeaseLost(f"another process has taken over {held.name}")
        return Tenure(held.name, held.owner, held.token, asked_at + self._seconds)

    def _look(self) -> tuple[int, int, bool]:
        is_free = Case(When(Q(owner="") | Q(expires_at__lte=Now()), then=True), default=False)
        rows = Lease.objects.filter(name=self.name).values_list("token", "renewals", is_free)
        found = rows.first()
        if found is None:
            Lease.objects.get_or_create(name=self.name, defaults={"expires_at": Now()})
            found = rows.get()
        token, renewals, free = found
        return token, renewals, bool(free)


def release(held: Tenure) -> None:
    """Give it back; the next one need not wait."""
    _rows(held).update(owner="", expires_at=Now())


@contextmanager
def fenced(held: Tenure) -> Iterator[None]:
    """A transaction in which nobody can take the lease over. Raises `LeaseLost` if somebody has."""
    with transaction.atomic():
        if not _rows(held).select_for_update().exists():
            raise LeaseLost(f"another process has taken over {held.name}")
        yield


def end_all() -> None:
    """Give back every lease, whoever holds it: for a process that has the database to itself."""
    Lease.objects.exclude(owner="").update(owner="", expires_at=Now())


def _rows(held: Tenure) -> QuerySet[Lease]:
    return Lease.objects.filter(name=held.name, owner=held.owner, token=held.token)
