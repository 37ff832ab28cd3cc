"""Periodic passes go on whatever one of them does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from scheduler.embedded import ticker, worker
from scheduler.embedded.ticker import Ticker

PATIENCE = 60  # seconds
INTERVAL = 0.4


class Clock:
    """A clock that goes only when somebody waits by it, or works; told to stop after so many turns."""

    def __init__(self, turns: int) -> None:
        self.now = 1000.0
        self.waited: list[float] = []
        self._turns = turns

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waited.append(round(seconds, 6))
        self.now += seconds
        return len(self.waited) > self._turns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(turns=4)
    monkeypatch.setattr(ticker, "time", made)
    monkeypatch.setattr(threading, "Event", lambda: made)
    return made


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def test_it_begins_at_once_and_goes_on_after_a_failure(clock: Clock) -> None:
    turns: list[float] = []

    def failing() -> None:
        turns.append(clock.now)
        raise ValueError("no good")

    Ticker("test", failing, INTERVAL).run()
    assert len(turns) == 4
    assert clock.waited == [0, INTERVAL, INTERVAL, INTERVAL, INTERVAL]


def test_turns_missed_by_a_slow_one_are_left_out(clock: Clock) -> None:
    turns: list[float] = []

    def slow() -> None:
        turns.append(clock.now)
        clock.now += 2.5 * INTERVAL if len(turns) == 1 else 0

    Ticker("test", slow, INTERVAL).run()
    assert clock.waited == [0, 0, INTERVAL, INTERVAL, INTERVAL]


def test_it_turns_in_its_thread_until_it_is_stopped() -> None:
    turns: list[int] = []
    one = Ticker("test", lambda: turns.append(1), 0.01)
    thread = threading.Thread(target=one.run)
    thread.start()
    until(lambda: len(turns) >= 3)
    one.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_stopping_cuts_the_pause_short() -> None:
    turns: list[int] = []
    one = Ticker("test", lambda: turns.append(1), 10_000)
    thread = threading.Thread(target=one.run)
    thread.start()
    until(lambda: turns)
    one.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(turns) == 1


def test_a_clock_that_is_set_back_does_not_silence_it(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    one = Ticker("test", lambda: turns.append(1), 0.1)
    thread = threading.Thread(target=one.run)
    thread.start()
    until(lambda: turns)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    seen = len(turns)
    until(lambda: len(turns) >= seen + 2)
    one.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


class _Broken:
    def start(self) -> None:
        raise SystemExit(3)

    def stop(self) -> None:
        pass


class _Idle:
    def __init__(self) -> None:
        self.stopping = threading.Event()

    def start(self) -> None:
        self.stopping.wait()

    def stop(self) -> None:
        self.stopping.set()


def test_a_thread_that_ends_by_itself_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_worker", _Broken)
    monkeypatch.setattr(worker, "timetable", lambda _: {})
    died: list[str] = []
    workers = worker.Workers(died.append)
    workers.start()
    until(lambda: died)
    assert died == ["The worker thread ended by itself"]


def test_threads_that_were_told_to_end_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_worker", _Idle)
    monkeypatch.setattr(worker, "timetable", lambda _: {})
    died: list[str] = []
    workers = worker.Workers(died.append)
    workers.start()
    assert workers.stop(PATIENCE)
    assert died == []
