"""How long calls take."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

ROUNDS, CALLS = 6, 15


def times_as_long(ours: Callable[[], Any], other: Callable[[], Any], *, enough: float) -> float:
    """How many times as long one call takes as another; the least of some rounds, the last of which gives `enough`.

    They are called in turns, so that a change of the machine's speed is one of both, and of each round the medians are
    compared, so that single calls that were disturbed do not count.
    """
    with _only_our_garbage():
        found = _round(ours, other)
        for _ in range(ROUNDS - 1):
            if found < enough:
                break
            found = min(found, _round(ours, other))
    return found


def _round(ours: Callable[[], Any], other: Callable[[], Any]) -> float:
    pairs = [(_seconds(ours), _seconds(other)) for _ in range(CALLS)]
    return median(first for first, _ in pairs) / median(second for _, second in pairs)


def _seconds(call: Callable[[], Any]) -> float:
    """Of this thread's time, which neither other processes nor threads that other tests left add to."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


@contextmanager
def _only_our_garbage() -> Iterator[None]:
    """What the runner of the tests holds is not looked through meanwhile."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
