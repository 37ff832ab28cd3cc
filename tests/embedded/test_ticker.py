"""Periodic passes go on whatever one of them does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from scheduler.embedded import worker
from scheduler.embedded.ticker import Ticker


def run_for(seconds: float, work: Callable[[], object], interval: float) -> None:
    ticker = Ticker("test", work, interval)
    thread = threading.Thread(target=ticker.run)
    thread.start()
    time.sleep(seconds)
    ticker.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_it_begins_at_once_and_goes_on_after_a_failure() -> None:
    turns: list[float] = []

    def failing() -> None:
        turns.append(time.monotonic())
        raise ValueError("no good")

    begun = time.monotonic()
    run_for(2, failing, 0.4)
    assert turns[0] - begun < 0.3
    assert 3 <= len(turns) <= 6


def test_turns_missed_by_a_slow_one_are_left_out() -> None:
    turns: list[float] = []

    def slow() -> None:
        turns.append(time.monotonic())
        time.sleep(0.25 if len(turns) == 1 else 0)

    run_for(0.5, slow, 0.1)
    assert 2 <= len(turns) <= 5
    assert turns[1] - turns[0] >= 0.25


def test_a_clock_that_is_set_back_does_not_silence_it(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    run_for(0.4, lambda: turns.append(1), 0.1)
    assert len(turns) >= 3


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
    deadline = time.monotonic() + 5
    while not died and time.monotonic() < deadline:
        time.sleep(0.01)
    assert died == ["The worker thread ended by itself"]


def test_threads_that_were_told_to_end_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_worker", _Idle)
    monkeypatch.setattr(worker, "timetable", lambda _: {})
    died: list[str] = []
    workers = worker.Workers(died.append)
    workers.start()
    assert workers.stop(5)
    assert died == []
