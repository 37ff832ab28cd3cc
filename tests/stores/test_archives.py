from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import zipfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyaxon.stores import ArchiveLimits, ArchiveRefused, extract_archive, pack

LIMITS = ArchiveLimits()
SMALL = ArchiveLimits(compressed_bytes=10_000, total_bytes=5_000, file_bytes=3_000, members=10, depth=4)


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=kind, linkname=target)


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o700)


def plain(*members: tuple[tarfile.TarInfo, bytes], form: Literal[0, 1, 2] = tarfile.PAX_FORMAT) -> bytes:
    blocks = []
    for info, data in members:
        blocks += [info.tobuf(form, "utf-8", "surrogateescape"), data, bytes(-len(data) % 512)]
    return b"".join(blocks) + bytes(1024)


def packed(*members: tuple[tarfile.TarInfo, bytes], form: Literal[0, 1, 2] = tarfile.PAX_FORMAT) -> bytes:
    return gzip.compress(plain(*members, form=form))


def extract(data: bytes, destination: Path, limits: ArchiveLimits = LIMITS) -> dict[str, bytes | None]:
    """Unpack and give the files and folders that are there now."""
    report = extract_archive(io.BytesIO(data), destination, limits)
    assert report.compressed_bytes == len(data)
    return content(destination)


def content(root: Path) -> dict[str, bytes | None]:
    paths = [path for path in sorted(root.rglob("*")) if not path.is_symlink()]
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}


def refused(data: bytes, parent: Path, reason: str, limits: ArchiveLimits = LIMITS) -> None:
    with pytest.raises(ArchiveRefused, match=reason) as error:
        extract_archive(io.BytesIO(data), parent / "code", limits)
    assert str(parent) not in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(parent.iterdir())


class TestAccepted:
    @pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    @pytest.mark.parametrize("pack_with", [plain, packed])
    def test_names_of_old_clients_in_every_tar_format(
        self, tmp_path: Path, form: Literal[0, 1, 2], pack_with: object
    ) -> None:
        deep = "./src/" + "/".join("d" * 30 for _ in range(6)) + "/train.py"
        data = pack_with(folder("./"), member("./a.py", b"a"), member(deep, b"x" * 2000), form=form)  # type: ignore[operator]
        files = {name: data for name, data in extract(data, tmp_path / "code").items() if data is not None}
        assert files == {"a.py": b"a", deep.removeprefix("./"): b"x" * 2000}

    @pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_long_and_odd_names(self, tmp_path: Path, form: Literal[0, 1, 2]) -> None:
        names = ["naïve 💾", "n" * 255, os.fsdecode(b"not utf-8 \xff"), "line\nbreak", "..hidden", "a b"]
        found = extract(packed(*(member(name, b"x") for name in names), form=form), tmp_path / "code")
        assert set(found) == set(names)

    def test_what_gnu_tar_writes(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        (source / "pkg").mkdir(parents=True)
        (source / "pkg" / "train.py").write_text("print(1)")
        (source / "latest").symlink_to("pkg/train.py")
        os.link(source / "pkg" / "train.py", source / "same.py")
        data = subprocess.run(["tar", "-C", source, "-cz", "."], capture_output=True, check=True).stdout
        assert extract(data, tmp_path / "code") == {
            "pkg": None,
            "pkg/train.py": b"print(1)",
            "same.py": b"print(1)",
        }
        assert (tmp_path / "code" / "latest").read_text() == "print(1)"
        assert (tmp_path / "code" / "same.py").stat().st_nlink == 1

    def test_what_pack_writes(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        (source / "empty").mkdir(parents=True)
        (source / "x" / "y").mkdir(parents=True)
        (source / "x" / "y" / "data").write_bytes(os.urandom(200_000))
        (source / "run.sh").write_text("#!/bin/sh")
        (source / "run.sh").chmod(0o700)
        extract_archive(io.BytesIO(b"".join(pack(source))), tmp_path / "code", LIMITS)
        assert content(tmp_path / "code") == content(source)
        assert (tmp_path / "code" / "run.sh").stat().st_mode & 0o777 == 0o755

    def test_modes_are_normalised(self, tmp_path: Path) -> None:
        members = [
            member("setuid", mode=0o6755),
            member("open", mode=0o666),
            member("none", mode=0),
            folder("dir"),
        ]
        extract(packed(*members), tmp_path / "code")
        modes = {path.name: path.stat().st_mode & 0o7777 for path in (tmp_path / "code").iterdir()}
        assert modes == {"setuid": 0o755, "open": 0o644, "none": 0o644, "dir": 0o755}

    def test_git_folders_are_left_out_and_counted(self, tmp_path: Path) -> None:
        names = [
            ".git/config",
            ".GIT/hooks/pre-commit",
            "sub/.Git",
            "a/.git/b",
            "git~1",
            ".git ",
            ".g\u200cit/x",
        ]
        kept = [".gitignore", ".github/x", "git", "x.git"]
        data = packed(*(member(name, b"x") for name in names + kept))
        report = extract_archive(io.BytesIO(data), tmp_path / "code", LIMITS)
        assert report.dropped == len(names)
        assert set(content(tmp_path / "code")) == {*kept, ".github"}

    def test_the_last_of_equal_names_wins(self, tmp_path: Path) -> None:
        data = packed(member("a", b"1"), link("b", "a"), member("./a", b"2"), member("b", b"3"))
        assert extract(data, tmp_path / "code") == {"a": b"2", "b": b"3"}

    def test_a_link_written_over_by_a_file_does_not_lead_the_file_away(self, tmp_path: Path) -> None:
        (tmp_path / "victim").write_text("untouched")
        data = packed(link("a", "b"), member("b", b"1"), member("a", b"2"))
        assert extract(data, tmp_path / "code") == {"a": b"2", "b": b"1"}

    def test_hard_links_do_not_share_content_with_what_replaces_their_target(self, tmp_path: Path) -> None:
        data = packed(member("a", b"1", mode=0o755), link("b", "./a", tarfile.LNKTYPE), member("a", b"2"))
        assert extract(data, tmp_path / "code") == {"a": b"2", "b": b"1"}
        assert (tmp_path / "code" / "b").stat().st_mode & 0o777 == 0o755

    def test_the_report(self, tmp_path: Path) -> None:
        data = packed(member("x/a", b"12"), member("b", b"345"), link("l", "b"), member(".git/x", b"6"))
        report = extract_archive(io.BytesIO(data), tmp_path / "code", LIMITS)
        assert (report.files, report.folders, report.links, report.dropped, report.total_bytes) == (
            2,
            1,
            1,
            1,
            6,
        )

    def test_an_empty_destination_is_filled_and_a_full_one_is_not_touched(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert extract(packed(member("a")), tmp_path / "empty") == {"a": b""}
        with pytest.raises(FileExistsError):
            extract_archive(io.BytesIO(packed(member("b"))), tmp_path / "empty", LIMITS)
        assert content(tmp_path / "empty") == {"a": b""}

    def test_a_stream_that_gives_few_bytes_at_a_time(self, tmp_path: Path) -> None:
        class Slow(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return super().read(min(7, size or 7))

        extract_archive(Slow(packed(member("a", b"x" * 5000))), tmp_path / "code", LIMITS)
        assert content(tmp_path / "code") == {"a": b"x" * 5000}


class TestRefused:
    @pytest.mark.parametrize(
        "name", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", "C:\\x", "\\x", "a\\..\\..\\x", "x" * 256]
    )
    @pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])
    def test_names_that_lead_out(self, tmp_path: Path, name: str, kind: bytes) -> None:
        refused(packed(member("ok", b"x"), member(name, type=kind, linkname="ok")), tmp_path, "^member ")

    def test_nul_in_a_name(self, tmp_path: Path) -> None:
        refused(packed(member("x", pax_headers={"path": "a\0b"})), tmp_path, "NUL")

    @pytest.mark.parametrize(
        "members",
        [
            [link("a", "/etc/passwd")],
            [link("a", "..")],
            [link("x/a", "../../y")],
            [link("a", "b"), link("b", "../c")],
            [folder("p/q"), link("p/q/r", "../.."), link("l", "p/q/r/../x")],
            [link("l", "p/q/r/../x"), folder("p/q"), link("p/q/r", "../..")],
            [link("a", "../code/x")],
        ],
    )
    def test_links_out_of_the_tree(self, tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        refused(packed(*members), tmp_path, "outside the archive")

    @pytest.mark.parametrize("target", ["/etc/passwd", "../x", "later", "folder"])
    def test_hard_links_to_anything_but_a_file_before(self, tmp_path: Path, target: str) -> None:
        data = packed(folder("folder"), link("a", target, tarfile.LNKTYPE), member("later", b"x"))
        refused(data, tmp_path, "hard link")

    @pytest.mark.parametrize(
        "members",
        [
            [link("a", "b"), folder("b"), member("a/x", b"x")],
            [link("a", "."), folder("a")],
            [link("a", "."), folder("a/b")],
            [member("a", b"x"), member("a/b", b"x")],
            [folder("a"), member("a", b"x")],
            [folder("a"), link("a", "b")],
            [link("a", "b"), folder("b"), link("a/x", "../..")],
        ],
    )
    def test_one_name_as_folder_and_something_else(
        self, tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
    ) -> None:
        refused(packed(*members), tmp_path, "folder")

    @pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z", b"M", b"V"])
    def test_special_files(self, tmp_path: Path, kind: bytes) -> None:
        refused(packed(member("dev/x", type=kind)), tmp_path, "'dev/x' is a device")

    def test_sparse_files_of_gnu_tar(self, tmp_path: Path) -> None:
        (tmp_path / "hole").touch()
        os.truncate(tmp_path / "hole", 10**12)
        for form in ("gnu", "pax"):
            command = ["tar", "-C", str(tmp_path), "-S", f"--format={form}", "-cz", "hole"]
            data = subprocess.run(command, capture_output=True, check=True).stdout
            assert len(data) < 1000
            with pytest.raises(ArchiveRefused, match="'hole' is a sparse file"):
                extract_archive(io.BytesIO(data), tmp_path / "code", LIMITS)
        assert [path.name for path in tmp_path.iterdir()] == ["hole"]


class TestLimits:
    def test_compressed_bytes(self, tmp_path: Path) -> None:
        refused(packed(member("a", os.urandom(20_000))), tmp_path, "larger than the limit of 9.8 KiB", SMALL)

    def test_bytes_of_a_file(self, tmp_path: Path) -> None:
        refused(
            packed(member("big", bytes(3_001))),
            tmp_path,
            "'big' has 2.9 KiB, over the limit of 2.9 KiB",
            SMALL,
        )
        assert extract(packed(member("fits", bytes(3_000))), tmp_path / "code", SMALL)

    def test_bytes_together(self, tmp_path: Path) -> None:
        data = packed(member("a", bytes(2_500)), member("b", bytes(2_501)))
        refused(data, tmp_path, "with member 'b' the files exceed the limit of 4.9 KiB", SMALL)

    def test_hard_links_count_as_their_content(self, tmp_path: Path) -> None:
        data = packed(member("a", bytes(2_501)), link("b", "a", tarfile.LNKTYPE))
        refused(data, tmp_path, "with member 'b'", SMALL)

    def test_number_of_members(self, tmp_path: Path) -> None:
        refused(packed(*(member(f"{number}") for number in range(11))), tmp_path, "limit of 10 files", SMALL)

    def test_folders_that_members_imply_count_too(self, tmp_path: Path) -> None:
        refused(packed(*(member(f"{n}/b/c/d") for n in range(4))), tmp_path, "limit of 10 files", SMALL)

    def test_dropped_members_count_too(self, tmp_path: Path) -> None:
        refused(packed(*(member(f".git/{n}") for n in range(11))), tmp_path, "limit of 10 files", SMALL)
        refused(packed(member(".git/x", bytes(3_001))), tmp_path, "limit", SMALL)

    def test_depth(self, tmp_path: Path) -> None:
        refused(packed(member("a/b/c/d/e")), tmp_path, "deeper than the limit of 4", SMALL)

    def test_a_size_that_only_the_header_claims(self, tmp_path: Path) -> None:
        refused(packed(member("a", pax_headers={"size": "9" * 15})), tmp_path, "'a' has .* TiB, over the limit")
        refused(packed(member("a", pax_headers={"size": "9" * 400})), tmp_path, "impossible size")
        refused(packed(member("a", pax_headers={"size": "-5"})), tmp_path, "impossible size")

    def test_a_negative_size_in_the_header_itself(self, tmp_path: Path) -> None:
        refused(packed(member("a", size=-512), form=tarfile.GNU_FORMAT), tmp_path, "impossible size")
        data = packed(member("a", type=tarfile.XHDTYPE, size=-512), form=tarfile.GNU_FORMAT)
        refused(data, tmp_path, "header larger")

    def test_huge_headers(self, tmp_path: Path) -> None:
        refused(
            packed(member("a", pax_headers={"comment": "x" * 300_000})),
            tmp_path,
            "header larger than 256 KiB",
        )
        refused(packed(member("n" * 300_000), form=tarfile.GNU_FORMAT), tmp_path, "header larger than 256 KiB")
        endless = [member("h", b"6 a=b\n", type=tarfile.XHDTYPE)] * 400
        refused(packed(*endless, member("a")), tmp_path, "header larger than 256 KiB")

    @pytest.mark.slow
    def test_a_zip_bomb_is_met_early_and_in_little_memory(self, tmp_path: Path) -> None:
        bomb = tmp_path / "bomb.tar.gz"
        info = tarfile.TarInfo("zeros")
        info.size = 1024**3
        with gzip.open(bomb, "wb", compresslevel=1) as stream:
            stream.write(info.tobuf())
            for _ in range(1024):
                stream.write(bytes(1024**2))
        assert bomb.stat().st_size < 6_000_000
        script = textwrap.dedent(f"""
            import pathlib
            from polyaxon.stores import ArchiveLimits, ArchiveRefused, extract_archive
            try:
                destination = pathlib.Path({str(tmp_path / "code")!r})
                extract_archive(open({str(bomb)!r}, "rb"), destination, ArchiveLimits())
            except ArchiveRefused as error:
                # Not `ru_maxrss`: that starts with the memory of the process that forked this one.
                status = pathlib.Path("/proc/self/status").read_text()
                print(error.reason, status.split("VmHWM:")[1].split()[0], sep="|")
        """)
        result = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path.cwd()
        )
        reason, peak_kib = result.stdout.strip().split("|")
        assert reason == "the archive expands more than the limit of 200 times its size"
        assert int(peak_kib) < 150 * 1024
        assert [path.name for path in tmp_path.iterdir()] == ["bomb.tar.gz"]

    def test_bombs_in_headers_and_dropped_members_are_met_too(self, tmp_path: Path) -> None:
        limits = ArchiveLimits(members=10**9, total_bytes=10**12)
        data = packed(*(member(f".git/{number}", bytes(1024**2)) for number in range(40)))
        refused(data, tmp_path, "expands more than", limits)


class TestDamaged:
    DATA = plain(member("a", bytes(range(256)) * 8), folder("d"), member("d/b", b"x" * 3000))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "empty"),
            (b"hello", "not a tar"),
            (b"hello" * 1000, "not a tar"),
            (bytes(1024), "no members"),
            (gzip.compress(b"", mtime=0), "not a tar"),
            (gzip.compress(b"hello", mtime=0), "not a tar"),
            (bz2.compress(DATA), "bzip2"),
            (lzma.compress(DATA), "xz"),
            (b"\x1f\x8bnot really", "damaged|cut off"),
        ],
    )
    def test_what_is_no_archive(self, tmp_path: Path, data: bytes, reason: str) -> None:
        refused(data, tmp_path, reason)

    def test_a_zip_file(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a", "a")
        refused(buffer.getvalue(), tmp_path, "zip file; send a tar compressed with gzip")

    @pytest.mark.parametrize("end", [1, 511, 512, 513, 2560, 3072, 3584, 4096, len(DATA) - 1024])
    def test_a_plain_tar_cut_off(self, tmp_path: Path, end: int) -> None:
        refused(self.DATA[:end], tmp_path, "cut off|not a tar")

    def test_a_gzip_tar_cut_off_anywhere(self, tmp_path: Path) -> None:
        data = gzip.compress(self.DATA)
        for end in range(1, len(data)):
            refused(data[:end], tmp_path, "cut off|damaged|not a tar")

    def test_a_flipped_bit_in_compressed_data_is_seen(self, tmp_path: Path) -> None:
        data = bytearray(packed(member("a", os.urandom(10_000))))
        data[5_000] ^= 1
        refused(bytes(data), tmp_path, "damaged|cut off")

    def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(self, tmp_path: Path) -> None:
        data = bytearray(self.DATA)
        data[2560 + 10] ^= 1
        refused(bytes(data), tmp_path, "damaged")

    def test_more_after_the_end(self, tmp_path: Path) -> None:
        refused(gzip.compress(self.DATA + os.urandom(3 * 1024**2)), tmp_path, "goes on after its end")

    @pytest.mark.parametrize("payload", [b"junk", b"5 a=\n\n\n", b"999 a=b\n", b"-1 a=b\n", b"0 a=b\n", b"7 a=bcd"])
    def test_damaged_extended_headers(self, tmp_path: Path, payload: bytes) -> None:
        data = packed(member("h", payload, type=tarfile.XHDTYPE), member("a", b"x"), form=tarfile.USTAR_FORMAT)
        refused(data, tmp_path, "damaged")

    def test_an_error_of_the_upload_itself_is_passed_on(self, tmp_path: Path) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 - the stream's signature
                raise ConnectionResetError("gone")

        with pytest.raises(ConnectionResetError):
            extract_archive(Broken(), tmp_path / "code", LIMITS)
        assert not list(tmp_path.iterdir())


NAMES = st.lists(
    st.sampled_from(["a", "b", "c", "..", ".", "", "outside", ".git", "\\", "C:"]) | st.text(max_size=3),
    max_size=4,
).map("/".join)
KINDS = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)


@settings(max_examples=300, deadline=None)
@given(
    members=st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=8),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_no_archive_writes_outside(members: list[tuple[str, bytes, str]], form: Literal[0, 1, 2]) -> None:
    made = []
    for name, kind, target in members:
        data = b"data" if kind == tarfile.REGTYPE else b""
        fields = {"type": kind, "linkname": _printable(target)}
        made.append(member(_printable(name), data, **fields))
    with tempfile.TemporaryDirectory() as scratch:
        parent = Path(scratch)
        (parent / "outside").mkdir()
        (parent / "outside" / "file").write_text("untouched")
        try:
            extract_archive(io.BytesIO(packed(*made, form=form)), parent / "code", LIMITS)
        except ArchiveRefused:
            assert {path.name for path in parent.iterdir()} == {"outside"}
        else:
            assert {path.name for path in parent.iterdir()} == {"outside", "code"}
            _check_inside(parent / "code")
        assert content(parent / "outside") == {"file": b"untouched"}


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _check_inside(root: Path) -> None:
    for path, folders, files in os.walk(root):
        for name in folders + files:
            real = os.path.realpath(Path(path) / name)
            assert Path(real).is_relative_to(root.resolve())
            assert name != ".git"


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 20))
def test_random_damage_is_either_harmless_or_refused(seed: int, flips: int) -> None:
    data = bytearray(plain(member("a", b"1" * 600), link("l", "a"), folder("d"), member("d/" + "n" * 120, b"2")))
    dice = random.Random(seed)
    for _ in range(flips):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with tempfile.TemporaryDirectory() as scratch:
        parent = Path(scratch)
        try:
            extract_archive(io.BytesIO(bytes(data)), parent / "code", LIMITS)
        except ArchiveRefused:
            assert not list(parent.iterdir())
        else:
            _check_inside(parent / "code")
