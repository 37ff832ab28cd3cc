"""What waits on disk: order, bounds, crashes at any point, and sending it later."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from polyaxon_client.exceptions import AuthenticationError, ConnectionFailed
from polyaxon_client.workers import Sender, Target
from polyaxon_client.workers import spool as spools
from polyaxon_client.workers.lanes import LOGS, METRICS, UPDATES, Item
from polyaxon_client.workers.replay import REFUSED, replay
from polyaxon_client.workers.request import Request
from polyaxon_client.workers.spool import Busy, Spool, recordings
from tests.client.recorder import Answer, Asked, Recorder, rows

if TYPE_CHECKING:
    from polyaxon_client.settings import Connection

RUN = Target("ada", "digits", "experiments", 12)


def request(number: int, run: Target | None = RUN) -> Request:
    return Request(Item(METRICS, run, [(1.7e9 + number, number, {"n": float(number)})]))


def numbers_of(spool: Spool) -> list[int]:
    found = []
    while (head := spool.head()) is not None:
        found += [step for _, step, _ in head.payload]
        spool.advance()
    return found


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "one", "http://server/api/v1/")


def test_first_in_first_out_over_many_segments(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 300)
    for number in range(20):
        spool.append(request(number))
    assert len(spool) == 20
    assert len(list(spool.folder.glob("*.jsonl"))) > 3
    assert numbers_of(spool) == list(range(20))
    assert spool.is_empty
    assert list(spool.folder.glob("*.jsonl")) == []
    spool.close()
    assert not spool.folder.exists()


@given(st.lists(st.sampled_from(["append", "send", "crash"]), max_size=40))
@hypothesis_settings(deadline=None)
def test_a_crash_at_any_time_loses_and_repeats_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("spool") / "one"
    spool = Spool(folder)
    spool.append(request(0))
    appended, sent = 1, []
    for step in steps:
        if step == "append":
            spool.append(request(appended))
            appended += 1
        elif step == "send" and (head := spool.head()) is not None:
            sent += [place for _, place, _ in head.payload]
            spool.advance()
        elif step == "crash":
            spool.forget()
            spool = Spool.load(folder)
    sent += numbers_of(spool)
    spool.forget()
    assert sent == list(range(appended))


def test_what_is_put_in_front_comes_first(spool: Spool) -> None:
    for number in (1, 2):
        spool.append(request(number))
    spool.prepend(request(0))
    spool.append(request(3))
    spool.forget()
    assert numbers_of(Spool.load(spool.folder)) == [0, 1, 2, 3]


def test_half_a_line_of_a_killed_process_is_left_out(spool: Spool) -> None:
    spool.append(request(1))
    spool.forget()
    (segment,) = spool.folder.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes() + request(2).record(0)[:-20])
    assert numbers_of(Spool.load(spool.folder)) == [1]


def test_requests_come_back_as_they_were(spool: Spool) -> None:
    fresh = Target(None, "digits", "jobs")
    sent = [
        Request(Item(UPDATES, fresh, {"name": "x"}, once="key")),
        Request(Item(UPDATES, fresh, None, method="PATCH", suffix="")),
        Request(Item(LOGS, fresh, ["a", "b"])),
        Request(Item(METRICS, RUN, [(1.5, None, {"n": float("inf")})])),
        Request(Item(UPDATES, None, {"a": 1}, method="DELETE", suffix="projects/")),
    ]
    for one in sent:
        spool.append(one)
    spool.forget()
    loaded = Spool.load(spool.folder)
    found = list(loaded.waiting())
    names = ("id", "lane", "method", "suffix", "once", "count")
    assert [[getattr(one, name) for name in names] for one in found] == [
        [getattr(one, name) for name in names] for one in sent
    ]
    assert found[0].target is found[2].target
    assert found[3].payload == [(1.5, None, {"n": "Infinity"})]
    assert found[4].target is None
    loaded.forget()


def test_in_use_by_another(spool: Spool) -> None:
    spool.append(request(1))
    with pytest.raises(Busy):
        Spool.load(spool.folder)
    spool.forget()
    Spool.load(spool.folder).forget()


def test_folders_that_are_no_recordings(tmp_path: Path) -> None:
    assert recordings(tmp_path / "nowhere") == []
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "recording.json").write_text("{}")
    with pytest.raises(ValueError, match="not that of a recording"):
        Spool.load(tmp_path / "odd")


def point(sender: Sender, number: int) -> None:
    sender.point(RUN, (time.time(), number, {"n": float(number)}))


def steps(recorder: Recorder) -> list[int]:
    return [p["step"] for p in recorder.points()]


def test_while_the_server_is_away_points_go_to_disk(connection: Connection, recorder: Recorder, tmp_path: Path) -> None:
    sender = Sender(connection, interval=0.05, limit=1000, spool=tmp_path)
    with recorder.down():
        for number in range(25_000):
            point(sender, number)
        assert len(recordings(tmp_path)) == 1
        assert sender._waiting() < 1000
    assert sender.flush(60)
    assert steps(recorder) == list(range(25_000))
    assert sender.close(60)
    assert recordings(tmp_path) == []


def test_the_disk_is_bounded_and_memory_too(
    connection: Connection, recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(connection, interval=0.05, limit=100, spool=tmp_path, spool_limit=20_000)
    with recorder.down():
        for number in range(20_000):
            point(sender, number)
        used = sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl"))
        assert used < 40_000
        assert sender._waiting() <= 200
    assert sender.flush(60)
    sender.close(5)
    found = steps(recorder)
    assert found == sorted(set(found))
    assert found[-1] == 19_999
    assert sum("oldest are dropped" in one.message for one in caplog.records) == 1


def test_without_a_place_on_disk_it_goes_on_in_memory(
    connection: Connection, recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    sender = Sender(connection, interval=0.05, limit=100, spool=tmp_path / "file")
    with recorder.down():
        for number in range(500):
            point(sender, number)
    assert sender.flush(60)
    sender.close(1)
    assert steps(recorder)[-1] == 499
    assert sum("can be kept" in one.message for one in caplog.records) == 1


def leave_behind(connection: Connection, recorder: Recorder, root: Path, create: bool = False) -> Path:
    """What a process leaves that ends while the server is away."""
    sender = Sender(connection, interval=0.05, spool=root)
    run = Target("ada", "digits", "experiments", None if create else 12)
    with recorder.down():
        if create:
            sender.create(run, {"name": "x"}, "key")
        for number in range(50):
            sender.point(run, (1.7e9 + number, number, {"n": float(number)}))
        sender.update(run, "POST", "statuses/", {"status": "succeeded"})
        assert not sender.close(0.5)
    (folder,) = recordings(root)
    return folder


def test_what_is_left_at_the_end_is_sent_later(connection: Connection, recorder: Recorder, tmp_path: Path) -> None:
    folder = leave_behind(connection, recorder, tmp_path, create=True)
    done = replay(folder, connection)
    assert done == (52, 0)
    assert [one.path for one in recorder.asked] == [
        "ada/digits/experiments/",
        "ada/digits/experiments/12/metrics/",
        "ada/digits/experiments/12/statuses/",
    ]
    assert recorder.asked[0].headers["idempotency-key"] == "key"
    assert steps(recorder) == list(range(50))
    assert not folder.exists()


class Clock:
    """Instead of `time`: goes on by what is slept only, which takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_sending_that_is_interrupted_goes_on_and_repeats_ids(
    connection: Connection, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyaxon_client.workers.replay.time", Clock())
    folder = leave_behind(connection, recorder, tmp_path)
    recorder.failures = [Answer(201, b"x" * 100, cut=True)]
    recorder.route("POST", "ada/digits/experiments/12/statuses/", Answer(503))
    with pytest.raises(ConnectionFailed, match="polyaxon sync"):
        replay(folder, connection, patience=0.1)
    recorder.route("POST", "ada/digits/experiments/12/statuses/", Answer(201))
    assert replay(folder, connection) == (1, 0)
    posts = recorder.of("POST", "/metrics/")
    assert len(posts) == 2
    assert posts[0].headers["x-polyaxon-batch"] == posts[1].headers["x-polyaxon-batch"]
    assert steps(recorder) == list(range(50))


def test_a_wrong_token_loses_nothing(connection: Connection, recorder: Recorder, tmp_path: Path) -> None:
    folder = leave_behind(connection, recorder, tmp_path)
    recorder.failures = [Answer(401)]
    with pytest.raises(AuthenticationError):
        replay(folder, connection)
    assert replay(folder, connection) == (51, 0)


def test_what_the_server_refuses_is_kept(
    connection: Connection, recorder: Recorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def picky(asked: Asked) -> Answer:
        return Answer(400, b'["bad"]') if 7 in [p["step"] for p in rows(asked.json)] else Answer(201)

    folder = leave_behind(connection, recorder, tmp_path)
    recorder.route("POST", "ada/digits/experiments/12/metrics/", picky)
    with caplog.at_level(logging.WARNING):
        assert replay(folder, connection) == (50, 1)
    (kept,) = (folder / REFUSED).read_text().splitlines()
    assert json.loads(kept)["payload"] == [[1.7e9 + 7, 7, {"n": 7.0}]]
    assert [p["step"] for p in recorder.points()] == [n for n in range(50) if n != 7]
    assert replay(folder, connection) == (0, 0)
    assert (folder / REFUSED).exists()


def test_halves_of_a_refused_batch_are_stored_once(connection: Connection, recorder: Recorder, tmp_path: Path) -> None:
    """The server goes away between the halves: they are sent again under the same ids."""
    state: dict[str, Any] = {"asked": 0}

    def picky(asked: Asked) -> Answer:
        state["asked"] += 1
        if state["asked"] == 5:
            return Answer(503)
        return Answer(400) if 3 in [p["step"] for p in rows(asked.json)] else Answer(201)

    folder = leave_behind(connection, recorder, tmp_path)
    recorder.route("POST", "ada/digits/experiments/12/metrics/", picky)
    replay(folder, connection)
    assert sorted(p["step"] for p in recorder.points()) == [n for n in range(50) if n != 3]
