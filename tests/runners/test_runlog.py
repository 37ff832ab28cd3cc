"""Output cut into lines: nothing lost, bounded, readable."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.runners.local import runlog
from scheduler.runners.local.runlog import LineSplitter, RunLog

if TYPE_CHECKING:
    from pathlib import Path


def split(chunks: list[bytes]) -> list[bytes]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.flush(final=True)


@given(st.binary(), st.lists(st.integers(0, 300)))
def test_lines_do_not_depend_on_how_the_stream_is_chunked(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[start:end] for start, end in pairwise(places)]
    assert split(chunks) == split([data])


@given(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])))
def test_text_arrives_unchanged(text: str) -> None:
    lines = split([text.encode()])
    expected = text.encode().split(b"\n")
    assert lines == (expected if expected[-1] else expected[:-1])


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"\r 10%\r 50%\r100%\ndone\n", [b"100%", b"done"]),
        (b"10%\r20%\r", [b"20%"]),
        (b"a\0b\n", [b"ab"]),
        (b"\n\na", [b"", b"", b"a"]),
        (b"", []),
    ],
)
def test_control_characters(data: bytes, lines: list[bytes]) -> None:
    assert split([data]) == lines
    assert split([data[place : place + 1] for place in range(len(data))]) == lines


def test_a_long_line_is_cut_between_characters_and_memory_stays_bounded() -> None:
    data = b"a" + "\N{SNOWMAN}".encode() * 100_000
    splitter, lines = LineSplitter(), []
    for start in range(0, len(data), 5000):
        lines += splitter.feed(data[start : start + 5000])
        assert len(splitter.pending) <= runlog.MAX_LINE
    lines += splitter.feed(b"\n")
    assert b"".join(lines) == data
    assert all(len(line) <= runlog.MAX_LINE and line.decode() for line in lines)


def test_a_progress_bar_without_end_is_bounded_and_shown_once_per_flush() -> None:
    splitter = LineSplitter()
    for step in range(50_000):
        assert splitter.feed(b"\rstep %d" % step) == []
    assert len(splitter.pending) < 20
    assert splitter.flush() == [b"step 49999"]
    assert splitter.feed(b"\n") == []
    assert splitter.feed(b"\n") == [b""]


def test_a_flush_keeps_half_a_character_back() -> None:
    splitter = LineSplitter()
    splitter.feed("é".encode()[:1])
    assert splitter.flush() == []
    splitter.feed("é".encode()[1:])
    assert splitter.flush() == ["é".encode()]


def test_lines_carry_times_and_invalid_text_is_replaced(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "deep" / "log"))
    log.feed(b"ok\n\xff\xfe bad\nunfinished")
    log.close()
    lines = (tmp_path / "deep" / "log").read_text("utf-8").splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC -- "
    assert [re.sub(f"^{stamp}", "", line) for line in lines] == ["ok", "\ufffd\ufffd bad", "unfinished"]
    assert all(re.match(stamp, line) for line in lines)


def test_a_line_torn_by_a_crash_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("torn")
    log = RunLog(str(path))
    log.feed(b"next\n")
    log.close()
    assert path.read_text().startswith("torn\n")
    assert path.read_text().endswith(" -- next\n")


def test_an_unfinished_line_is_shown_after_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "IDLE_FLUSH", 0.0)
    path = tmp_path / "log"
    log = RunLog(str(path))
    log.feed(b"prompt: ")
    assert path.read_text() == ""
    log.tick()
    assert path.read_text().endswith(" -- prompt: \n")
    log.close()


def test_lines_lost_to_a_full_disk_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    log = RunLog(str(path))
    with open("/dev/full", "wb") as full:  # noqa: PTH123  (a device)
        kept = log._fd
        log._fd = full.fileno()
        log.feed(b"one\ntwo\n")
        log.feed(b"three\n")
        log._fd = kept
    log.feed(b"four\n")
    log.close()
    texts = [line.partition(" -- ")[2] for line in path.read_text().splitlines()]
    assert texts == ["[3 lines of output could not be stored]", "four"]
