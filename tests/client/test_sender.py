from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from polyaxon_client.workers import Sender, Target
from polyaxon_client.workers.lanes import LOGS, Item
from tests.client.conftest import wait_until
from tests.client.recorder import Answer, Asked, Recorder, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polyaxon_client.settings import Connection


@pytest.fixture
def sender(connection: Connection) -> Iterator[Sender]:
    sender = Sender(connection, interval=0.05, heartbeat=0.2)
    yield sender
    sender.close(0.1)


@pytest.fixture
def run() -> Target:
    return Target("ada", "digits", "experiments", 12)


def point(sender: Sender, run: Target, number: int) -> None:
    sender.point(run, (time.time(), None, {"n": number}))


def numbers(recorder: Recorder) -> list[int]:
    return [p["values"]["n"] for p in recorder.points()]


class Gate:
    """The server's answers to points: they wait until it is opened."""

    def __init__(self, recorder: Recorder) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        recorder.route("POST", "ada/digits/experiments/12/metrics/", self._answer)

    def _answer(self, _: Asked) -> Answer:
        self.reached.set()
        self._open.wait(60)
        return Answer(201)

    def open(self) -> None:
        self._open.set()


def test_points_arrive_in_batches_with_identity(recorder: Recorder, sender: Sender, run: Target) -> None:
    gate = Gate(recorder)
    for number in range(12_000):
        point(sender, run, number)
    # However slowly they came, all but the first batch were put together from what waited.
    assert gate.reached.wait(60)
    gate.open()
    assert sender.flush(60)
    assert numbers(recorder) == list(range(12_000))
    posts = recorder.of("POST", "ada/digits/experiments/12/metrics/")
    assert 3 <= len(posts) <= 5
    assert {len(one.headers["x-polyaxon-batch"]) for one in posts} == {32}
    assert len({one.headers["x-polyaxon-batch"] for one in posts}) == len(posts)
    assert posts[0].headers["authorization"] == "Token abc"
    assert {one.headers["content-encoding"] for one in posts[1:3]} == {"gzip"}
    assert len({one.headers["x-test-connection"] for one in posts}) == 1


def test_a_repeated_batch_keeps_its_id(recorder: Recorder, sender: Sender, run: Target) -> None:
    recorder.failures = [Answer(500), Answer(429, headers={"Retry-After": "1"}), Answer(503)]
    started = time.monotonic()
    point(sender, run, 1)
    assert sender.flush(60)
    posts = recorder.of("POST", "/metrics/")
    assert [one.status for one in posts] == [500, 429, 503, 201]
    assert len({one.headers["x-polyaxon-batch"] for one in posts}) == 1
    assert time.monotonic() - started > 1.0
    assert numbers(recorder) == [1]


def test_a_repeated_batch_of_lines_keeps_its_id(recorder: Recorder, sender: Sender, run: Target) -> None:
    recorder.failures = [Answer(503), Answer(201, b"x" * 100, cut=True)]
    for line in ("one", "two"):
        sender.submit(Item(LOGS, run, [line]))
    assert sender.flush(60)
    posts = recorder.of("POST", "/logs/")
    assert len(posts) == 3
    assert len({one.headers["x-polyaxon-batch"] for one in posts}) == 1
    assert [one.json for one in posts] == [["one", "two"]] * 3


def test_an_answer_that_breaks_off_is_repeated(recorder: Recorder, sender: Sender, run: Target) -> None:
    recorder.failures = [Answer(201, b'{"id": 12}' * 10, cut=True)]
    point(sender, run, 1)
    assert sender.flush(60)
    posts = recorder.of("POST", "/metrics/")
    assert len(posts) == 2
    assert posts[0].headers["x-polyaxon-batch"] == posts[1].headers["x-polyaxon-batch"]


def test_server_away_and_back(
    recorder: Recorder, sender: Sender, run: Target, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), recorder.down():
        for number in range(50):
            point(sender, run, number)
        assert not sender.flush(1.2)
    assert sender.flush(60)
    assert numbers(recorder) == list(range(50))
    assert [r.message for r in caplog.records if "no connection" in r.message].__len__() == 1


def test_updates_keep_their_order_and_come_after_earlier_points(
    recorder: Recorder, sender: Sender, run: Target
) -> None:
    recorder.failures = [Answer(502)]
    point(sender, run, 1)
    for status in ("running", "warning", "succeeded"):
        sender.update(run, "POST", "statuses/", {"status": status})
    assert sender.flush(60)
    assert recorder.statuses() == ["running", "warning", "succeeded"]
    assert recorder.asked[0].path.endswith("/metrics/")


def test_submitting_never_waits_for_a_slow_server(recorder: Recorder, sender: Sender, run: Target) -> None:
    gate = Gate(recorder)
    point(sender, run, 0)
    assert gate.reached.wait(60)
    for number in range(1, 2000):
        point(sender, run, number)
    # All are submitted, and none was answered yet.
    assert recorder.asked == []
    gate.open()
    assert sender.flush(60)
    assert len(numbers(recorder)) == 2000


def test_a_refused_update_is_dropped_with_one_warning(
    recorder: Recorder, sender: Sender, run: Target, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.route("PATCH", "ada/digits/experiments/12/", Answer(403, b'{"detail": "no"}'))
    for _ in range(3):
        sender.update(run, "PATCH", "", {"name": "x"})
    point(sender, run, 1)
    assert sender.flush(60)
    assert numbers(recorder) == [1]
    refused = [r.message for r in caplog.records if "403" in r.message]
    assert len(refused) == 1
    assert "no" in refused[0]


def test_a_server_of_old_gets_plain_rows(recorder: Recorder, sender: Sender, run: Target) -> None:
    def old(asked: Asked) -> Answer:
        fits = "content-encoding" not in asked.headers and isinstance(asked.json, list)
        return Answer(201 if fits else 400)

    recorder.route("POST", "ada/digits/experiments/12/metrics/", old)
    recorder.route("POST", "ada/digits/experiments/12/logs/", old)
    for number in range(500):
        point(sender, run, number)
    assert sender.flush(60)
    for number in range(500, 1000):
        point(sender, run, number)
    sender.submit(Item(LOGS, run, ["line"] * 1000))
    assert sender.flush(60)
    assert numbers(recorder) == list(range(1000))
    assert recorder.lines() == ["line"] * 1000
    refused = recorder.of("POST", "/metrics/", 400)
    assert len(refused) == 1


def test_steps_of_some_points_only(recorder: Recorder, sender: Sender, run: Target) -> None:
    for number, step in enumerate((None, 4, None)):
        sender.point(run, (1.7e9 + number, step, {"n": number}))
    sender.point(run, (1.7e9 + 3, 5, {"m": float("nan")}))
    assert sender.flush(60)
    points = recorder.points()
    assert [(p["values"], p.get("step")) for p in points] == [
        ({"n": 0}, None),
        ({"n": 1}, 4),
        ({"n": 2}, None),
        ({"m": "NaN"}, 5),
    ]


def test_one_bad_point_does_not_take_its_neighbours_along(recorder: Recorder, sender: Sender, run: Target) -> None:
    def picky(asked: object) -> Answer:
        values = [p["values"]["n"] for p in rows(asked.json)]  # type: ignore[attr-defined]
        return Answer(400, b'["bad"]') if 7 in values else Answer(201)

    recorder.route("POST", "ada/digits/experiments/12/metrics/", picky)
    for number in range(20):
        point(sender, run, number)
    assert sender.flush(60)
    assert sorted(numbers(recorder)) == [n for n in range(20) if n != 7]


def test_too_many_waiting_drop_the_oldest_with_one_warning(
    connection: Connection, recorder: Recorder, run: Target, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(connection, interval=0.05, limit=100)
    with recorder.down():
        point(sender, run, -1)
        wait_until(lambda: sender._current is not None)  # that one is on its way, in vain
        for number in range(250):
            point(sender, run, number)
    assert sender.flush(60)
    sender.close(1)
    first, *others = numbers(recorder)
    assert first == -1
    assert 50 <= len(others) <= 200
    assert others == list(range(250 - len(others), 250))
    assert sum("dropped" in r.message for r in caplog.records) == 1


def test_heartbeats_go_on_until_let_go(recorder: Recorder, sender: Sender, run: Target) -> None:
    begun = time.monotonic()
    sender.keep_alive(run)
    recorder.wait_for("POST", "ada/digits/experiments/12/_heartbeat/")
    assert time.monotonic() - begun > 0.2
    recorder.wait_for("POST", "ada/digits/experiments/12/_heartbeat/", 2)
    sender.let_go(run)
    # One that was under way went before this.
    point(sender, run, 1)
    assert sender.flush(60)
    count = len(recorder.of("POST", "/_heartbeat/"))
    time.sleep(0.6)
    assert len(recorder.of("POST", "/_heartbeat/")) == count


def test_user_is_asked_for_when_the_project_has_none(recorder: Recorder, sender: Sender) -> None:
    mine = Target(None, "digits", "experiments", 3)
    point(sender, mine, 1)
    point(sender, mine, 2)
    assert sender.flush(60)
    assert len(recorder.of("GET", "users/")) == 1
    assert recorder.of("POST", "ada/digits/experiments/3/metrics/")


def test_what_follows_a_creation_waits_for_it(recorder: Recorder, sender: Sender) -> None:
    fresh = Target("ada", "digits", "experiments")
    with recorder.down():
        sender.create(fresh, {"name": "x"}, "k")
        point(sender, fresh, 1)
        sender.update(fresh, "POST", "statuses/", {"status": "running"})
        time.sleep(0.2)
    assert sender.flush(60)
    assert [one.path for one in recorder.asked] == [
        "ada/digits/experiments/",
        "ada/digits/experiments/12/metrics/",
        "ada/digits/experiments/12/statuses/",
    ]


def test_what_follows_a_refused_creation_is_dropped(recorder: Recorder, sender: Sender) -> None:
    fresh = Target("ada", "digits", "experiments")
    recorder.route("POST", "ada/digits/experiments/", Answer(404, b'{"detail": "no project"}'))
    sender.create(fresh, {}, "k")
    point(sender, fresh, 1)
    assert sender.flush(60)
    assert len(recorder.asked) == 1


def test_close_gives_up_in_time(connection: Connection, recorder: Recorder, run: Target) -> None:
    sender = Sender(connection, interval=0.05)
    with recorder.down():
        point(sender, run, 1)
        started = time.monotonic()
        assert not sender.close(1.0)
        assert time.monotonic() - started < 30


def test_close_delivers_what_waits(connection: Connection, recorder: Recorder, run: Target) -> None:
    sender = Sender(connection, interval=3600)
    for number in range(10):
        point(sender, run, number)
    assert sender.close(60)
    assert numbers(recorder) == list(range(10))


def test_many_threads_lose_nothing(recorder: Recorder, sender: Sender, run: Target) -> None:
    def submit(first: int) -> None:
        for number in range(first, first + 500):
            point(sender, run, number)

    threads = [threading.Thread(target=submit, args=(first,)) for first in range(0, 4000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.flush(60)
    assert sorted(numbers(recorder)) == list(range(4000))
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("polyaxon-sender") >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_starts_with_nothing_of_its_parent(recorder: Recorder, connection: Connection, run: Target) -> None:
    sender = Sender(connection, interval=3600)
    point(sender, run, 1)
    pid = os.fork()
    if pid == 0:
        ok = len(sender._lanes) == 0 and sender._thread is None
        point(sender, run, 2)
        os._exit(0 if ok and sender.flush(60) else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    assert numbers(recorder) == [2]
    assert sender.close(60)
    assert sorted(numbers(recorder)) == [1, 2]
