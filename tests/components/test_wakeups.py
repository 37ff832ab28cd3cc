"""Messages of which many say the same."""

from __future__ import annotations

import time

from polyaxon.wakeups import SPACE, Spacing


def test_of_many_that_come_close_together_the_first_is_sent_at_once_and_one_for_the_rest() -> None:
    sent: list[tuple[object, ...]] = []
    spacing = Spacing(lambda *message: sent.append(message))
    for _ in range(20):
        spacing.send("scheduler.dispatch", 0)
    spacing.send("scheduler.group", 7)
    assert sent == [("scheduler.dispatch", 0), ("scheduler.group", 7)]
    time.sleep(SPACE * 2)
    assert sent[2:] == [("scheduler.dispatch", 0)]


def test_what_comes_alone_is_sent_at_once() -> None:
    sent: list[tuple[object, ...]] = []
    spacing = Spacing(lambda *message: sent.append(message))
    for number in range(3):
        spacing.send("scheduler.dispatch", 0)
        assert len(sent) == number + 1
        time.sleep(SPACE * 1.5)
    assert len(sent) == 3
