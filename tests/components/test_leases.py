"""Of one lease there is never more than one holder, and never for long none."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from polyaxon.components import leases
from polyaxon.components.leases import Contender, LeaseLost, Tenure
from polyaxon.db.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def expire(name: str = "one") -> None:
    Lease.objects.filter(name=name).update(expires_at=timezone.now() - timedelta(seconds=1))


def taken(contender: Contender) -> Tenure:
    held = contender.acquire()
    assert held is not None
    return held


def test_one_of_two_gets_it(clock: Clock) -> None:
    first, second = Contender("one", "a", 10, clock=clock), Contender("one", "b", 10, clock=clock)
    held = taken(first)
    assert (held.owner, held.token, held.until) == ("a", 1, 1010.0)
    assert second.acquire() is None
    assert taken(Contender("other", "b", 10)).owner == "b"


def test_what_was_given_back_is_free_at_once(clock: Clock) -> None:
    first, second = Contender("one", "a", 10, clock=clock), Contender("one", "b", 10, clock=clock)
    leases.release(taken(first))
    assert taken(second).token == 2
    assert first.acquire() is None


def test_what_expired_is_free_and_its_old_owner_is_refused(clock: Clock) -> None:
    first, second = Contender("one", "a", 10, clock=clock), Contender("one", "b", 10, clock=clock)
    old = taken(first)
    expire()
    new = taken(second)
    with pytest.raises(LeaseLost, match="another process has taken over one"):
        first.renew(old)
    leases.release(old)  # which is not his any more
    assert first.acquire() is None
    with pytest.raises(LeaseLost), leases.fenced(old):
        raise AssertionError
    with leases.fenced(new):
        assert connection.in_atomic_block


def test_an_owner_who_is_late_and_was_not_replaced_goes_on(clock: Clock) -> None:
    contender = Contender("one", "a", 10, clock=clock)
    held = taken(contender)
    expire()
    clock.now += 60
    assert contender.renew(held).until == clock.now + 10


def test_the_holder_counts_from_before_it_asked(clock: Clock) -> None:
    """However long the database takes for its answer, the holder's time ends first."""
    contender = Contender("one", "a", 10, clock=clock)
    held = taken(contender)
    asked_at, clock.now = clock.now, clock.now + 3
    assert held.until == asked_at + 10
    assert contender.renew(held).until == clock.now + 10


def test_a_database_whose_clock_was_set_back_holds_nobody_up(clock: Clock) -> None:
    dead, living = Contender("one", "a", 10, clock=clock), Contender("one", "b", 10, clock=clock)
    held = taken(dead)
    Lease.objects.filter(name="one").update(expires_at=timezone.now() + timedelta(days=1))
    assert living.acquire() is None
    clock.now += 9
    dead.renew(held)
    Lease.objects.filter(name="one").update(expires_at=timezone.now() + timedelta(days=1))
    clock.now += 2
    assert living.acquire() is None  # it was renewed since
    clock.now += 10.5
    assert taken(living).owner == "b"
    with pytest.raises(LeaseLost):
        dead.renew(held)


def test_of_many_at_once_one_gets_it() -> None:
    """Real threads on the real database, each round for a lease that has just expired."""
    holders: list[list[str]] = []
    barrier = threading.Barrier(4)

    def contend(owner: str) -> None:
        contender = Contender("one", owner, 600)
        try:
            for number in range(10):
                if barrier.wait(60) == 0:
                    holders.append([])
                    expire()
                barrier.wait(60)
                if contender.acquire() is not None:
                    holders[number].append(owner)
                barrier.wait(60)
        finally:
            connection.close()

    threads = [threading.Thread(target=contend, args=(f"owner-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [len(each) for each in holders] == [1] * 10
    assert Lease.objects.get(name="one").token == 10


def test_nobody_takes_over_inside_a_fence() -> None:
    held = taken(Contender("one", "a", 10))
    expire()
    order: list[str] = []
    inside = threading.Event()

    def steal() -> None:
        inside.wait(60)
        other = Contender("one", "b", 10)
        try:
            while other.acquire() is None:
                time.sleep(0.01)
            order.append("stolen")
        finally:
            connection.close()

    thread = threading.Thread(target=steal)
    thread.start()
    with leases.fenced(held):
        inside.set()
        time.sleep(0.3)
        order.append("done")
    thread.join(90)
    assert order == ["done", "stolen"]


def test_all_are_given_back_by_whoever_has_the_database_alone() -> None:
    taken(Contender("one", "a", 1000))
    leases.end_all()
    assert taken(Contender("one", "b", 1000)).token == 2
