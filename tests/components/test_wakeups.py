"""Messages of which many say the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from polyaxon import wakeups
from polyaxon.wakeups import SPACE, Spacing

Message = tuple[object, ...]


@dataclass
class Timer:
    """What is asked of one."""

    start: Callable[[], None]
    daemon: bool = False


class Clock:
    """Time that goes on when it is told to, and timers that go by it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self._now

    def timer(self, seconds: float, work: Callable[..., object], arguments: Sequence[object]) -> Timer:
        """In the place of `threading.Timer`."""
        alarm = self._now + seconds, lambda: work(*arguments)
        return Timer(lambda: self._timers.append(alarm))

    def go(self, seconds: float) -> None:
        self._now += seconds
        due = [work for at, work in self._timers if at <= self._now]
        self._timers = [(at, work) for at, work in self._timers if at > self._now]
        for work in due:
            work()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(wakeups, "time", made)
    monkeypatch.setattr(threading, "Timer", made.timer)
    return made


def test_of_many_that_come_close_together_the_first_is_sent_at_once_and_one_for_the_rest(clock: Clock) -> None:
    sent: list[Message] = []
    spacing = Spacing(lambda *message: sent.append(message))
    for _ in range(20):
        spacing.send("scheduler.dispatch", 0)
    spacing.send("scheduler.group", 7)
    assert sent == [("scheduler.dispatch", 0), ("scheduler.group", 7)]
    clock.go(SPACE * 2)
    assert sent[2:] == [("scheduler.dispatch", 0)]
    clock.go(SPACE * 2)
    assert len(sent) == 3


def test_what_comes_alone_is_sent_at_once(clock: Clock) -> None:
    sent: list[Message] = []
    spacing = Spacing(lambda *message: sent.append(message))
    for number in range(3):
        spacing.send("scheduler.dispatch", 0)
        assert len(sent) == number + 1
        clock.go(SPACE * 1.5)
    assert len(sent) == 3


def test_what_waits_is_sent_by_itself() -> None:
    sent: list[Message] = []
    spacing = Spacing(lambda *message: sent.append(message))
    for _ in range(2):
        spacing.send("scheduler.dispatch", 0)
    deadline = time.monotonic() + 60
    while len(sent) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sent == [("scheduler.dispatch", 0)] * 2
