"""The files in which the tool remembers things."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from polyaxon_cli import state
from polyaxon_cli.errors import CliError


def test_global_files_lie_below_home(home: Path) -> None:
    state.CONFIG.write({"host": "example.org"})
    assert json.loads((home / ".polyaxon" / ".polyaxonconfig").read_text()) == {"host": "example.org"}


def test_local_files_lie_in_the_current_folder(work: Path) -> None:
    state.PROJECT.write({"name": "digits"})
    assert json.loads((work / ".polyaxon" / ".polyaxonproject").read_text()) == {"name": "digits"}


@pytest.mark.parametrize("home_name", ["missing", "a file"])
def test_without_a_usable_home_the_shared_folder_is_taken(
    home_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home_name))
    assert state.global_folder() == Path("/tmp/.polyaxon")


def test_only_the_owner_reads_the_token(home: Path) -> None:
    state.AUTH.write({"token": "x"})
    assert stat.S_IMODE((home / ".polyaxon" / ".polyaxonauth").stat().st_mode) == 0o600


def test_rewriting_the_auth_file_closes_it_again(home: Path) -> None:
    state.AUTH.write({"token": "x"})
    state.AUTH.path.chmod(0o644)
    state.AUTH.write({"token": "y"})
    assert stat.S_IMODE(state.AUTH.path.stat().st_mode) == 0o600


def test_a_file_is_replaced_whole_and_nothing_is_left_behind(home: Path) -> None:
    state.CONFIG.write({"host": "a"})
    before = state.CONFIG.path.stat().st_ino
    state.CONFIG.write({"host": "b"})
    assert state.CONFIG.path.stat().st_ino != before
    assert [path.name for path in state.CONFIG.path.parent.iterdir()] == [".polyaxonconfig"]


def test_a_failed_write_keeps_the_old_file(home: Path) -> None:
    state.CONFIG.write({"host": "a"})
    with pytest.raises(UnicodeEncodeError):
        state.write_atomic(state.CONFIG.path, "\ud800")
    assert state.CONFIG.read() == {"host": "a"}
    assert len(list(state.CONFIG.path.parent.iterdir())) == 1


def test_merge_keeps_what_it_does_not_name() -> None:
    state.CONFIG.write({"host": "a", "ws_port": 1})
    assert state.CONFIG.merge({"host": "b"}) == {"host": "b", "ws_port": 1}
    assert state.CONFIG.read() == {"host": "b", "ws_port": 1}


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_damaged_file_is_named(text: str, home: Path) -> None:
    state.CONFIG.write({})
    state.CONFIG.path.write_text(text)
    with pytest.raises(CliError, match=r"\.polyaxonconfig"):
        state.CONFIG.read()


def test_reading_and_deleting_what_is_not_there() -> None:
    assert state.CONFIG.read() == {}
    assert state.CONFIG.delete() is False
    state.CONFIG.write({})
    assert state.CONFIG.delete() is True
    assert not state.CONFIG.exists()
