"""A log read in pieces and broken off anywhere, with each line taken once: against a model of what the API tells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.logs.lines import Line, LineReader, stored
from monitors.logs.position import LAG, Cursor, Position

START = 1_780_000_000


def line(number: int, at: float) -> Line:
    second = START + int(at)
    fraction = round((at - int(at)) * 1e9)
    stamp = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"
    return Line(second, stamp, b"%d" % number)


def asked(log: list[Line], since: int | None) -> list[Line]:
    """What the API tells of the file."""
    return [each for each in log if since is None or each.second >= since]


def read(log: list[Line], position: Position, stop: int | None = None) -> tuple[list[Line], Position]:
    cursor = Cursor(position)
    taken = [each for each in asked(log, position.since)[:stop] if cursor.take(each)]
    return taken, cursor.position


# Gaps between lines, some of them a little negative: two streams of a container are written independently.
GAPS = st.lists(st.sampled_from([0.0, 0.0, 1e-6, 0.3, 0.9, 2.5, 40.0, -0.2, -1.0]), max_size=60)
BREAKS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=12)


@given(GAPS, BREAKS)
def test_however_it_is_broken_off_each_line_is_taken_once(gaps: list[float], breaks: list[tuple[int, int]]) -> None:
    at, log = 100.0, []
    for number, gap in enumerate(gaps):
        at += gap
        log.append(line(number, at))
    taken: list[Line] = []
    position, written = Position(), 0
    for more, stop in breaks:  # the file grows, and the answer is broken off somewhere
        written = min(written + more, len(log))
        new, position = read(log[:written], position, stop)
        taken += new
    new, position = read(log, position)
    assert taken + new == log
    assert position.lines == len(log)


@given(GAPS)
def test_little_is_told_twice(gaps: list[float]) -> None:
    log = [line(number, 100 + sum(max(gap, 0) for gap in gaps[:number])) for number in range(len(gaps))]
    _, position = read(log, Position())
    again = asked(log, position.since)
    assert all(each.second >= log[-1].second - LAG - 1 for each in again) or len({each.second for each in log}) <= LAG


def test_a_file_that_was_rotated_away() -> None:
    log = [line(number, 100 + number / 10) for number in range(60)]
    _, position = read(log[:50], Position())
    new, after = read(log[45:], position)
    assert [each.text for each in new] == [b"%d" % number for number in range(50, 60)]
    assert after.lines == 60
    assert read(log[45:], after)[0] == []
    assert read([*log[45:], line(60, 106.0)], after)[0] == [line(60, 106.0)]


def test_nothing_is_left_of_the_file() -> None:
    log = [line(number, 100 + number / 10) for number in range(60)]
    _, position = read(log[:50], Position())
    assert read(log[53:], position)[0] == log[53:]


def test_a_clock_that_was_set_back() -> None:
    log = [line(0, 100.0), line(1, 110.0), line(2, 20.0), line(3, 21.0)]
    taken, position = read(log[:3], Position())
    assert position.since is None
    assert [*taken, *read(log, position)[0]] == log


# -- lines --

STAMP = b"2026-03-01T10:00:00.123456789Z "


@given(st.lists(st.integers(1, 30), max_size=20))
def test_lines_are_cut_wherever_the_bytes_are(cuts: list[int]) -> None:
    data = b"".join(STAMP + b"%d\n" % number for number in range(5))
    reader, found, start = LineReader(), [], 0
    for cut in [*cuts, len(data)]:
        found += reader.feed(data[start : start + cut])
        start += cut
    assert [each.text for each in found] == [b"0", b"1", b"2", b"3", b"4"]
    assert reader.flush() == []


def test_the_rest_of_a_line_that_began_before_is_not_a_line() -> None:
    assert [each.text for each in LineReader(is_resumed=True).feed(b"rest of it\n" + STAMP + b"x\n")] == [b"x"]


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("before", [b"", STAMP + b"x\n"])
def test_what_the_node_says_for_itself_is_no_line(before: bytes, is_resumed: bool) -> None:
    with pytest.raises(ValueError, match="unable to retrieve"):
        LineReader(is_resumed=is_resumed).feed(before + b"unable to retrieve container logs for x\n")


def test_the_time_is_the_nodes_own_in_utc() -> None:
    (found,) = LineReader().feed(b"2026-03-01T12:00:00.5+02:00 x\n")
    assert list(stored(found, "worker.1")) == ["2026-03-01 10:00:00 UTC worker.1 -- x"]


def test_an_unfinished_line_waits_for_its_end() -> None:
    reader = LineReader()
    assert reader.feed(STAMP + b"half") == []
    assert [each.text for each in reader.flush()] == [b"half"]


def test_bytes_and_progress_bars() -> None:
    (found,) = LineReader().feed(STAMP + b"1%\r50%\r\xff100%\0\r\n")
    assert list(stored(found, "")) == ["2026-03-01 10:00:00 UTC -- \ufffd100%"]


def test_a_line_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitors.logs.lines.LONGEST", 100)
    (found,) = LineReader().feed(STAMP + b"x" * 1000 + b"\n")
    assert found.text.startswith(b"x" * 60)
    assert found.text.endswith(b"[931 bytes of this line are left out]")
