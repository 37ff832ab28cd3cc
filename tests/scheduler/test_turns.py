"""Work that many callers ask for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler.turns import Gathered


def test_what_comes_while_others_are_at_it_is_done_together() -> None:
    gathered, done = Gathered(at_once=3, workers=1), list[list[int]]()
    begun, go_on = threading.Event(), threading.Event()

    def work(part: list[int]) -> None:
        begun.set()
        assert go_on.wait(60)
        done.append(part)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gathered.run, [1], work)
        assert begun.wait(60)
        for things in ([2, 3], [3, 4], [5]):
            gathered.run(things, work)  # does not wait
        go_on.set()
        first.result(60)
    assert done == [[1], [2, 3, 4], [5]]


def test_nothing_is_left_behind_whoever_comes_when() -> None:
    gathered, done = Gathered(at_once=4, workers=2), list[int]()
    with ThreadPoolExecutor(8) as pool:
        for found in [pool.submit(gathered.run, [number], done.extend) for number in range(2000)]:
            found.result(60)
    assert sorted(done) == list(range(2000))


def test_after_a_failure_the_next_caller_does_the_rest() -> None:
    gathered, done = Gathered(at_once=1, workers=1), list[int]()

    def fail(_part: list[int]) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        gathered.run([1, 2], fail)
    gathered.run([3], done.extend)
    assert done == [2, 3]
