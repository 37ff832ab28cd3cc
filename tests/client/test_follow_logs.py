from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from polyaxon_client.exceptions import ConnectionFailed, ForbiddenError
from tests.client.recorder import Answer, Asked, Recorder

if TYPE_CHECKING:
    from polyaxon_client.transport import Transport

PATH = "ada/digits/experiments/12/logs/"


class GrowingLog:
    """The server's side: ranges, 206, 416."""

    def __init__(self, recorder: Recorder, ranges: bool = True) -> None:
        self.text = b""
        self.done = False
        self.cut = 0
        self.ranges = ranges
        recorder.route("GET", PATH, self.answer)

    def answer(self, asked: Asked) -> Answer:
        start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
        if not self.ranges:
            return Answer(200, self.text)
        if start >= len(self.text):
            return Answer(416, headers={"Content-Range": f"bytes */{len(self.text)}"})
        self.cut -= 1
        return Answer(206, self.text[start:], cut=self.cut >= 0)

    def is_done(self) -> bool:
        return self.done


def follow(transport: Transport, log: GrowingLog, **options: float) -> list[str]:
    return list(transport.follow_logs(PATH, log.is_done, interval=0.02, **options))


@pytest.mark.parametrize("ranges", [True, False])
def test_lines_of_a_growing_log(recorder: Recorder, transport: Transport, ranges: bool) -> None:
    log = GrowingLog(recorder, ranges)

    def write() -> None:
        for number in range(50):
            log.text += f"line {number} é".encode()[:-1]  # in the middle of a character
            time.sleep(0.003)
            log.text += "é".encode()[-1:] + b"\n"
        log.text += b"no line end"
        log.done = True

    writer = threading.Thread(target=write)
    writer.start()
    lines = follow(transport, log)
    writer.join()
    assert lines == [*(f"line {number} é" for number in range(50)), "no line end"]


def test_finished_log_is_read_whole(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    log.text, log.done = b"a\n\nb\r\n" + b"x" * 3_000_000 + b"\n", True
    lines = follow(transport, log)
    assert lines[:3] == ["a", "", "b"]
    assert [len(line) for line in lines[3:]] == [3_000_000]


def test_broken_connections_neither_lose_nor_repeat(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    expected = [f"line {number}" for number in range(2000)]
    log.text, log.done, log.cut = "\n".join(expected).encode() + b"\n", True, 5
    assert follow(transport, log) == expected


def test_restart_of_the_server(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    log.text = b"before\n"
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(follow(transport, log)))
    reader.start()
    recorder.wait_for("GET", PATH, 2)
    with recorder.down():
        time.sleep(0.3)
        log.text += b"after\n"
    log.done = True
    reader.join(60)
    assert lines == ["before", "after"]


def test_no_log_yet(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    recorder.failures = [Answer(404), Answer(503), Answer(404)]
    log.text = b"hello\n"
    lines = list(transport.follow_logs(PATH, lambda: not recorder.failures, interval=0.02))
    assert lines == ["hello"]


def test_patience_ends(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    with recorder.down(), pytest.raises(ConnectionFailed):
        follow(transport, log, patience=0.2)


def test_refusal_is_raised_at_once(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    recorder.route("GET", PATH, Answer(403))
    with pytest.raises(ForbiddenError):
        follow(transport, log)


def test_trouble_of_the_status_is_survived(recorder: Recorder, transport: Transport) -> None:
    log = GrowingLog(recorder)
    log.text = b"x\n"
    answers = iter([ConnectionFailed("away"), ConnectionFailed("away"), True, True])

    def is_done() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    assert list(transport.follow_logs(PATH, is_done, interval=0.02)) == ["x"]
