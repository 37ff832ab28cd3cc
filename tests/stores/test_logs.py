from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.stores import LocalLogStore, format_line

from .contracts import RUN, LogStoreContract, joined

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2024, 2, 29, 12, 0, 1, 999_999, tzinfo=UTC)


class TestLocalLogStore(LogStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalLogStore:
        return LocalLogStore(tmp_path / "logs")

    def test_what_a_run_writes_to_the_local_file_is_read(self, store: LocalLogStore) -> None:
        file = store.local_path(RUN)
        with file.open("ab") as log:
            log.write(b"from the run\n")
        assert joined(store.read(RUN)) == b"from the run\n"
        assert store.append(RUN, ["from the server"]) == file.stat().st_size

    def test_a_reader_sees_what_was_there_when_it_asked(self, store: LocalLogStore) -> None:
        store.append(RUN, ["early"])
        pieces = store.read(RUN)
        store.append(RUN, ["late"])
        assert joined(pieces) == b"early\n"

    def test_a_log_whose_name_ends_like_the_file_of_another(self, store: LocalLogStore) -> None:
        store.append("ann/a", ["a"])
        store.append("ann/a.log", ["b"])
        assert (joined(store.read("ann/a")), joined(store.read("ann/a.log"))) == (b"a\n", b"b\n")

    def test_nothing_is_written_beside_the_root(self, store: LocalLogStore, tmp_path: Path) -> None:
        store.append(RUN, ["x"])
        assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_line_of_a_run() -> None:
    assert format_line("epoch 1", NOON) == "2024-02-29 12:00:01 UTC -- epoch 1"


def test_line_of_a_replica() -> None:
    assert format_line("epoch 1", NOON, "master.0") == "2024-02-29 12:00:01 UTC master.0 -- epoch 1"


def test_other_zones_become_utc() -> None:
    when = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert format_line("x", when) == format_line("x", NOON)


def test_a_time_without_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_line("x", datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point


def test_every_line_of_a_text_is_stamped() -> None:
    assert format_line("a\r\nb\n", NOON) == "2024-02-29 12:00:01 UTC -- a\n2024-02-29 12:00:01 UTC -- b"


@given(text=st.text())
def test_text_survives(text: str) -> None:
    lines = format_line(text, NOON).split("\n")
    assert all(line.startswith("2024-02-29 12:00:01 UTC -- ") for line in lines)
    assert "\n".join(line.split(" -- ", 1)[1] for line in lines).replace("\r", "") == text.rstrip("\r\n").replace(
        "\r", ""
    )
