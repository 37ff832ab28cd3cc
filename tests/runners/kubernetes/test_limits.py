"""How fast the API server is asked."""

from __future__ import annotations

import pytest

from scheduler.runners.kubernetes.limits import TokenBucket


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(bucket: TokenBucket, clock: Clock, times: int) -> float:
    """Seconds that so many requests take."""
    begun = clock.now
    for _ in range(times):
        bucket.take()
    return clock.now - begun


def test_a_burst_is_free_and_the_rest_is_slow(clock: Clock) -> None:
    bucket = TokenBucket(10, 5, clock=clock, sleep=clock.sleep)
    assert taken(bucket, clock, 5) == 0
    assert taken(bucket, clock, 20) == pytest.approx(2.0)
    clock.now += 100  # no more than a burst is saved up
    assert taken(bucket, clock, 15) == pytest.approx(1.0)


def test_a_pause_holds_everybody(clock: Clock) -> None:
    bucket = TokenBucket(10, 5, clock=clock, sleep=clock.sleep)
    bucket.pause(7)
    bucket.pause(3)
    assert taken(bucket, clock, 1) == pytest.approx(7)
    assert taken(bucket, clock, 4) == 0
