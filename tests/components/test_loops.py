"""Loops act under their lease only, and die loudly."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from polyaxon.components import Fatal, Turn
from polyaxon.components.loops import Loops
from polyaxon.components.registry import Loop, Work, loop
from polyaxon.components.turns import Turn as _Turn
from polyaxon.db.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 12.0  # of a lease: long enough for a machine that stands still for a moment


@dataclass
class Replica:
    """The loops of one process, as far as one process can be several."""

    work: Work
    shards: int = 1
    seconds: float = SECONDS
    acting: dict[int, float] = field(default_factory=dict)  # since when, by shard
    died: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        one = Loop("monitors", "test", self._watched, self.shards, lambda: True)
        self.loops = Loops([one], seconds=self.seconds, on_death=self.died.append, on_hang=self.hung.append)

    def _watched(self, turn: Turn) -> None:
        self.acting[turn.shard] = time.monotonic()
        try:
            self.work(turn)
        finally:
            del self.acting[turn.shard]


def until(condition: Callable[[], object], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def idle(turn: Turn) -> None:
    turn.wait(60)


@pytest.fixture
def replicas() -> list[Replica]:
    return []


@pytest.fixture(autouse=True)
def _ended(replicas: list[Replica]) -> object:
    yield
    for replica in replicas:
        replica.loops.stop(30)


@pytest.fixture
def start(replicas: list[Replica]) -> Callable[..., Replica]:
    def started(work: Work = idle, shards: int = 1, seconds: float = SECONDS) -> Replica:
        replicas.append(Replica(work, shards, seconds))
        replicas[-1].loops.start()
        return replicas[-1]

    return started


def test_one_acts_and_another_follows_at_once_when_it_ends(start: Callable[..., Replica]) -> None:
    first = start()
    until(lambda: first.acting)
    second = start()
    taken = renewals()
    until(lambda: renewals() > taken)
    assert first.acting
    assert not second.acting
    assert first.loops.describe() == {"monitors/test": "acting"}
    assert second.loops.describe() == {"monitors/test": "standing by"}
    assert first.loops.stop(30)
    until(lambda: second.acting, SECONDS * 0.6)  # it was given back: it would expire much later


def renewals() -> int:
    return Lease.objects.get(name="monitors/test").renewals


def test_whoever_loses_the_lease_ends_before_it_is_over(start: Callable[..., Replica]) -> None:
    """The database refuses every renewal: the row is renamed, so that nobody can renew it."""
    first = start()
    until(lambda: first.acting)
    Lease.objects.filter(name="monitors/test").update(owner="somebody", expires_at=timezone.now() + timedelta(days=1))
    until(lambda: not first.acting, SECONDS)
    assert not first.died + first.hung


def test_a_loop_that_does_not_end_in_time_is_told_of(start: Callable[..., Replica]) -> None:
    release = threading.Event()
    first = start(lambda _turn: release.wait(120))
    until(lambda: first.acting)
    first.loops._stopping.set()  # nobody renews any more, as if the database did not answer
    first.loops._keeper.join(60)
    (seat,) = first.loops.seats
    held = seat._held
    assert held is not None
    seat._clock = lambda: held.until - SECONDS / 5
    until(lambda: not seat.is_acting)  # it is told to end
    assert not first.hung
    seat._clock = lambda: held.until - SECONDS / 20
    until(lambda: first.hung)
    assert first.hung[0] == "monitors/test did not end before its lease did"
    release.set()


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda _turn: None, "monitors/test ended by itself"),
        (lambda _turn: int("x"), "monitors/test failed: ValueError: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_what_ends_by_itself_is_told_of(start: Callable[..., Replica], work: Work, why: str) -> None:
    first = start(work)
    until(lambda: first.died)
    assert first.died == [why]


def test_a_fatal_error_is_told_as_it_is(start: Callable[..., Replica]) -> None:
    def work(_turn: Turn) -> None:
        raise Fatal("no such thing")

    first = start(work)
    until(lambda: first.died)
    assert first.died == ["no such thing"]


def test_a_database_that_fails_is_no_reason_to_die(start: Callable[..., Replica]) -> None:
    calls: list[int] = []

    def work(turn: Turn) -> None:
        calls.append(1)
        if len(calls) < 2:
            raise OperationalError("server closed the connection")
        turn.wait(60)

    first = start(work)
    until(lambda: len(calls) == 2)
    assert first.acting
    assert not first.died


def test_shards_are_shared_evenly(start: Callable[..., Replica]) -> None:
    def shared(*replicas: Replica) -> bool:
        """Each shard is one replica's, and each replica has as many."""
        shares = [set(each.acting) for each in replicas]
        return {len(share) for share in shares} == {6 // len(shares)} and set().union(*shares) == set(range(6))

    first = start(shards=6, seconds=3)
    until(lambda: shared(first))
    second = start(shards=6, seconds=3)
    until(lambda: shared(first, second))
    third = start(shards=6, seconds=3)
    until(lambda: shared(first, second, third))
    assert first.loops.stop(30)
    until(lambda: shared(second, third))


def test_each_run_belongs_to_one_shard() -> None:
    turns = [_Turn(None, shard=number, shards=8) for number in range(8)]  # type: ignore[arg-type]
    assert all(sum(turn.owns(run) for turn in turns) == 1 for run in (uuid.uuid4() for _ in range(100)))


def test_what_blocks_is_cut_short(start: Callable[..., Replica]) -> None:
    def work(turn: Turn) -> None:
        cut, never = threading.Event(), threading.Event()
        turn.on_end(never.set)()  # taken back
        turn.on_end(cut.set)
        cut.wait(60)
        assert not never.is_set()

    first = start(work)
    until(lambda: first.acting)
    assert first.loops.stop(30)
    assert not first.died


def test_a_loop_names_a_component() -> None:
    with pytest.raises(ValueError, match="no component 'other'; there are api, scheduler, "):
        loop("other", "x")
