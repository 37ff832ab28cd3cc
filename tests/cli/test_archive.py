"""The archive that is uploaded: its members, its links, its limits."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from typing import TYPE_CHECKING

import pytest

from polyaxon_cli.archive import PackReport, pack, size_text, upload_limit
from polyaxon_cli.errors import CliError

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def packed(folder: Path, *, limit: int = MIB) -> tuple[PackReport, tarfile.TarFile]:
    stream = io.BytesIO()
    report = pack(folder, stream, limit=limit)
    assert report.size == len(stream.getvalue())
    stream.seek(0)
    return report, tarfile.open(fileobj=stream, mode="r:gz")


def test_members_are_the_files_that_are_not_ignored(work: Path) -> None:
    (work / "sub").mkdir()
    (work / "sub" / "é ☃.txt").write_text("snow")
    (work / "train.py").write_text("print(1)")
    (work / "old.pyc").write_text("x")
    (work / ".polyaxonignore").write_text("*.pyc\n")
    report, tar = packed(work)
    assert tar.getnames() == ["./.polyaxonignore", "./sub/é ☃.txt", "./train.py"]
    assert report.files == 3
    member = tar.extractfile("./train.py")
    assert member is not None
    assert member.read() == b"print(1)"


def test_no_names_of_local_accounts_leave_the_machine_and_modes_do(work: Path) -> None:
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    _, tar = packed(work)
    member = tar.getmember("./run.sh")
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.mode & 0o777 == 0o755


def test_links_inside_the_folder_are_kept_relative(work: Path) -> None:
    (work / "data").mkdir()
    (work / "data" / "a.txt").write_text("a")
    (work / "near").symlink_to("data/a.txt")
    (work / "absolute").symlink_to(work / "data" / "a.txt")
    (work / "data" / "up").symlink_to("../near")
    (work / "folder").symlink_to("data")
    _, tar = packed(work)
    links = {member.name: member.linkname for member in tar.getmembers() if member.issym()}
    assert links == {
        "./near": "data/a.txt", "./absolute": "data/a.txt", "./data/up": "../near", "./folder": "data",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["/etc/passwd", "../home", "sub/../../home"])
def test_a_link_that_leaves_the_folder_is_refused_by_name(work: Path, target: str) -> None:
    (work / "sub").mkdir()
    (work / "leak").symlink_to(target)
    with pytest.raises(CliError, match=r"leak is a link to .* outside"):
        packed(work)


def test_an_ignored_link_does_no_harm(work: Path) -> None:
    (work / "leak").symlink_to("/etc/passwd")
    (work / ".polyaxonignore").write_text("leak\n")
    _, tar = packed(work)
    assert tar.getnames() == ["./.polyaxonignore"]


def test_hard_links_are_stored_as_files(work: Path) -> None:
    (work / "a").write_text("same")
    os.link(work / "a", work / "b")
    _, tar = packed(work)
    assert all(member.isreg() for member in tar.getmembers())


def test_pipes_and_sockets_are_left_out_and_named(work: Path) -> None:
    (work / "a").write_text("a")
    os.mkfifo(work / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        report, tar = packed(work)
    assert tar.getnames() == ["./a"]
    assert report.skipped == ["pipe", "sock"]


def test_an_archive_above_the_limit_is_refused_early(work: Path) -> None:
    (work / "noise").write_bytes(os.urandom(MIB))
    written = io.BytesIO()
    with pytest.raises(CliError, match=r"larger than the 97\.7 KiB"):
        pack(work, written, limit=100_000)
    assert len(written.getvalue()) <= 100_000


def test_compressible_code_counts_with_its_packed_size(work: Path) -> None:
    (work / "zeros").write_bytes(bytes(MIB))
    report, _ = packed(work, limit=100_000)
    assert report.size < 10_000


def test_a_missing_folder_is_named(work: Path) -> None:
    with pytest.raises(CliError, match="nowhere"):
        packed(work / "nowhere")


@pytest.mark.parametrize(("text", "limit"), [("", 150 * MIB), ("1000", 1000)])
def test_the_limit_is_a_setting(text: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAXON_MAX_UPLOAD_SIZE", text)
    assert upload_limit() == limit


def test_a_limit_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAXON_MAX_UPLOAD_SIZE", "10M")
    with pytest.raises(CliError, match="POLYAXON_MAX_UPLOAD_SIZE"):
        upload_limit()


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * MIB, "5.0 MiB")])
def test_size_text(size: int, text: str) -> None:
    assert size_text(size) == text
