from __future__ import annotations

import io
import multiprocessing
import os
import tarfile
import tempfile
import threading
from pathlib import Path

import pytest

from polyaxon.stores import FilesystemOutputsStore, OutputsNotFound, OutputsStore, PathRefused, Tree, pack

from .contracts import RUN, OutputsStoreContract, joined, unpacked


class TestFilesystemOutputsStore(OutputsStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FilesystemOutputsStore:
        return FilesystemOutputsStore(tmp_path / "outputs")

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        folder = tmp_path / "secret"
        folder.mkdir()
        (folder / "key").write_text("secret")
        return folder

    def put(self, store: OutputsStore, path: str, name: str, data: bytes) -> None:
        folder = store.local_path(path)
        assert folder is not None
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    def furnish(self, store: FilesystemOutputsStore, secret: Path) -> Path:
        self.put(store, RUN, "folder/file", b"inside")
        run = store.local_path(RUN)
        (run / "out").symlink_to(secret)
        (run / "out-file").symlink_to(secret / "key")
        (run / "relative-out").symlink_to("../../../../../secret/key")
        (run / "dangling").symlink_to("nowhere")
        (run / "latest").symlink_to("folder")
        (run / "best").symlink_to("latest/file")
        (run / "absolute").symlink_to(run / "folder" / "file")
        os.mkfifo(run / "pipe")
        return run

    def test_tree_shows_links_inside_as_what_they_are_and_hides_the_rest(
        self, store: FilesystemOutputsStore, secret: Path
    ) -> None:
        self.furnish(store, secret)
        assert store.tree(RUN) == Tree([("absolute", 6), ("best", 6)], ["folder", "latest"])
        assert store.tree(RUN, "latest") == Tree([("file", 6)], [])

    @pytest.mark.parametrize("name", ["out/key", "out-file", "relative-out", "pipe"])
    def test_open_refuses_links_that_lead_out_and_pipes(
        self, store: FilesystemOutputsStore, secret: Path, name: str
    ) -> None:
        self.furnish(store, secret)
        with pytest.raises(PathRefused) as error:
            store.open(RUN, name)
        assert str(secret.parent) not in str(error.value)

    def test_tree_refuses_a_link_that_leads_out(self, store: FilesystemOutputsStore, secret: Path) -> None:
        self.furnish(store, secret)
        with pytest.raises(PathRefused):
            store.tree(RUN, "out")

    def test_archive_leaves_out_what_leads_out(self, store: FilesystemOutputsStore, secret: Path) -> None:
        self.furnish(store, secret)
        data = joined(store.archive(RUN))
        assert b"secret" not in b"".join(content or b"" for content in unpacked([data]).values())
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            links = {info.name: info.linkname for info in tar if info.issym()}
            names = set(tar.getnames())
        assert links == {
            "dangling": "nowhere",
            "latest": "folder",
            "best": "latest/file",
            "absolute": "folder/file",
        }
        assert names == {*links, "folder", "folder/file"}

    def test_copy_takes_no_files_from_outside(self, store: FilesystemOutputsStore, secret: Path) -> None:
        self.furnish(store, secret)
        (store.local_path(RUN) / "folder" / "file").chmod(0o4755)
        store.copy(RUN, "ann/digits/experiments/8")
        copy = store.local_path("ann/digits/experiments/8")
        assert {path.name for path in copy.iterdir()} == {"folder", "dangling", "latest", "best", "absolute"}
        assert (copy / "absolute").resolve() == copy / "folder" / "file"
        assert (copy / "folder" / "file").stat().st_mode & 0o7777 == 0o755

    def test_a_run_that_becomes_a_link_to_another_run_is_refused(self, store: FilesystemOutputsStore) -> None:
        self.put(store, "bob/secret/experiments/1", "a", b"his")
        store.prepare("ann/digits/experiments")
        store.local_path(RUN).symlink_to(store.local_path("bob/secret/experiments/1"))
        for call in (
            store.tree,
            store.archive,
            store.delete,
            store.prepare,
            lambda path: store.open(path, "a"),
        ):
            with pytest.raises(PathRefused):
                call(RUN)
        assert store.tree("bob/secret/experiments/1") == Tree([("a", 3)], [])

    def test_delete_does_not_follow_links(self, store: FilesystemOutputsStore, secret: Path) -> None:
        self.furnish(store, secret)
        store.delete(RUN)
        assert (secret / "key").read_text() == "secret"

    def test_delete_of_folders_that_the_run_made_read_only(self) -> None:
        """In a process without root's rights, for which every folder is writable."""
        child = multiprocessing.get_context("fork").Process(target=_delete_read_only_folders)
        child.start()
        child.join(100)
        assert child.exitcode == 0

    def test_copies_at_the_same_time_make_one(self, store: FilesystemOutputsStore, tmp_path: Path) -> None:
        for number in range(50):
            self.put(store, RUN, f"{number}", b"x" * 1000)
        results: list[bool] = []
        target = "ann/digits/experiments/8"
        threads = [threading.Thread(target=lambda: results.append(store.copy(RUN, target))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False, False, False, True]
        assert len(store.tree(target).files) == 50
        assert not list(tmp_path.rglob(".*.part"))

    def test_errors_do_not_show_the_root(self, store: FilesystemOutputsStore, tmp_path: Path) -> None:
        store.prepare(RUN)
        with pytest.raises(OutputsNotFound) as error:
            store.open(RUN, "nowhere")
        assert str(tmp_path) not in str(error.value)


def _delete_read_only_folders() -> None:
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        store = FilesystemOutputsStore(Path(root))
        inner = store.local_path("ann/x/1") / "a" / "b"
        inner.mkdir(parents=True)
        (inner / "file").touch()
        for folder in (inner, *inner.parents[:2]):
            folder.chmod(0o500)
        with pytest.raises(PermissionError):
            (inner / "file").unlink()
        store.delete("ann/x/1")
        assert list((Path(root) / "ann" / "x").iterdir()) == []


def test_pack_holds_one_piece_of_a_large_file(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(5_000_000))
    sizes = [len(piece) for piece in pack(tmp_path)]
    assert max(sizes) < 200_000
    assert sum(sizes) > 5_000_000


def test_pack_of_a_file_that_shrinks_and_grows_meanwhile_is_a_whole_tar(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(os.urandom(3_000_000))
    pieces = pack(tmp_path)
    first = next(pieces)
    os.truncate(tmp_path / "a", 1_000_000)
    with (tmp_path / "b").open("ab") as stream:
        stream.write(b"more")
    content = unpacked([first, *pieces])
    assert {name: len(data or b"") for name, data in content.items()} == {"a": 3_000_000, "b": 3_000_004}


def test_pack_of_files_removed_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(1_000_000))
    (tmp_path / "b").write_bytes(b"x")
    pieces = pack(tmp_path)
    first = next(pieces)
    (tmp_path / "b").unlink()
    assert set(unpacked([first, *pieces])) == {"a"}


def test_pack_keeps_odd_names_modes_and_times(tmp_path: Path) -> None:
    name = os.fsdecode(b"not utf-8 \xff " + b"x" * 150)
    (tmp_path / name).write_bytes(b"1")
    (tmp_path / name).chmod(0o6777)
    os.utime(tmp_path / name, (1, 1_000_000_000))
    with tarfile.open(fileobj=io.BytesIO(joined(pack(tmp_path)))) as tar:
        (info,) = tar.getmembers()
    assert (info.name, info.mode, info.mtime, info.uid, info.uname) == (name, 0o755, 1_000_000_000, 0, "")


def test_pack_of_an_empty_folder(tmp_path: Path) -> None:
    assert unpacked(pack(tmp_path)) == {}


def test_pack_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack(tmp_path / "nowhere")
