"""Ages and run times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon_cli.times import age, parse, run_time, span

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(0), "a few seconds ago"),
        (timedelta(seconds=59), "a few seconds ago"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=3, minutes=20), "3 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=15), "2 weeks ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_age(ago: timedelta, shown: str) -> None:
    assert age((NOW - ago).isoformat(), NOW) == shown


@pytest.mark.parametrize(
    "text", ["2026-05-04T10:00:00Z", "2026-05-04T10:00:00.1234567Z", "2026-05-04 12:00:00.1+02:00"]
)
def test_every_spelling_of_a_time_stamp_is_read(text: str) -> None:
    assert age(text, NOW) == ("1 hour ago" if ".1" in text else "2 hours ago")


def test_missing_and_unreadable_dates() -> None:
    assert age(None) == ""
    assert age("soon") == "soon"
    assert parse("") is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (12.9, "12s"), (125, "2m 5s"), (3600, "1h 0m"), (93_784, "1d 2h 3m"), (-5, "0s")],
)
def test_span(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_run_time_of_runs_before_while_and_after() -> None:
    assert run_time(None, None) == ""
    assert run_time("2026-05-04T11:59:30Z", None, NOW) == "30s"
    assert run_time("2026-05-04T11:00:00Z", "2026-05-04T11:02:03Z", NOW) == "2m 3s"


@given(st.datetimes(timezones=st.just(UTC)))
def test_parse_gives_back_what_isoformat_wrote(moment: datetime) -> None:
    assert parse(moment.isoformat()) == moment
