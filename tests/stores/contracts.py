"""What every back-end of a store must do: its test class inherits one of these and provides `store`."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from polyaxon.stores import LogStore, OutputsNotFound, OutputsStore, PathRefused, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN = "ann/digits/experiments/7"
BAD_PATHS = ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "C:\\x", "..\\x", "x" * 300]


def joined(pieces: Iterable[bytes]) -> bytes:
    return b"".join(pieces)


def unpacked(pieces: Iterable[bytes]) -> dict[str, bytes | None]:
    """Names in a tar.gz; files with their content."""
    with tarfile.open(fileobj=io.BytesIO(joined(pieces)), mode="r:gz") as tar:
        members = {info.name: tar.extractfile(info) for info in tar if not info.issym()}
        return {name: stream.read() if stream else None for name, stream in members.items()}


class LogStoreContract:
    @pytest.fixture
    def store(self) -> LogStore:
        raise NotImplementedError

    def test_a_log_never_written_is_empty(self, store: LogStore) -> None:
        assert store.size(RUN) == 0
        assert joined(store.read(RUN)) == b""
        assert store.tail(RUN, 10) == b""

    def test_lines_come_back_in_order_each_on_its_own_line(self, store: LogStore) -> None:
        store.append(RUN, ["one", "two\n"])
        size = store.append(RUN, ["drei äöü"])
        assert joined(store.read(RUN)) == "one\ntwo\ndrei äöü\n".encode()
        assert size == store.size(RUN) == len("one\ntwo\ndrei äöü\n".encode())

    def test_nothing_appended_leaves_the_size(self, store: LogStore) -> None:
        store.append(RUN, ["x"])
        assert store.append(RUN, []) == 2

    def test_text_that_is_not_unicode_is_stored_readable(self, store: LogStore) -> None:
        store.append(RUN, ["half \ud800 pair"])
        assert joined(store.read(RUN)) == b"half ? pair\n"

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, None, b"0123456789\n"),
            (3, 6, b"345"),
            (9, 99, b"9\n"),
            (11, None, b""),
            (99, None, b""),
            (6, 3, b""),
        ],
    )
    def test_ranges(self, store: LogStore, start: int, end: int | None, expected: bytes) -> None:
        store.append(RUN, ["0123456789"])
        assert joined(store.read(RUN, start, end)) == expected

    def test_a_negative_start_is_an_error(self, store: LogStore) -> None:
        with pytest.raises(ValueError, match="byte 0"):
            store.read(RUN, -1)

    def test_a_line_of_ten_megabytes_is_streamed_in_small_pieces(self, store: LogStore) -> None:
        store.append(RUN, ["x" * 10_000_000])
        sizes = [len(piece) for piece in store.read(RUN)]
        assert sum(sizes) == 10_000_001
        assert max(sizes) <= 64 * 1024

    def test_tail_gives_the_last_lines_only(self, store: LogStore) -> None:
        store.append(RUN, [f"line {number:05} " + "." * 100 for number in range(5000)])
        assert [line[:10] for line in store.tail(RUN, 3).split(b"\n")] == [
            b"line 04997",
            b"line 04998",
            b"line 04999",
            b"",
        ]
        assert store.tail(RUN, 2000).count(b"\n") == 2000
        assert store.tail(RUN, 0) == b""

    def test_tail_keeps_carriage_returns_inside_a_line(self, store: LogStore) -> None:
        store.append(RUN, ["first", "10%\r20%\r30%"])
        assert store.tail(RUN, 1) == b"10%\r20%\r30%\n"

    def test_tail_is_bounded_when_a_line_is_huge(self, store: LogStore) -> None:
        store.append(RUN, ["x" * 300_000])
        assert store.tail(RUN, 5, max_bytes=100_000) == b"x" * 99_999 + b"\n"

    def test_appends_at_the_same_time_do_not_mix(self, store: LogStore) -> None:
        def write(letter: str) -> None:
            for _ in range(20):
                store.append(RUN, [letter * 2000] * 5)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, "abcd"))
        lines = joined(store.read(RUN)).splitlines()
        assert len(lines) == 400
        assert set(lines) == {letter * 2000 for letter in (b"a", b"b", b"c", b"d")}

    def test_what_lies_beyond_a_size_is_written_anew(self, store: LogStore) -> None:
        size = store.append(RUN, ["one"])
        store.append(RUN, ["never acknowledged", "nor this"])
        with store.writing(RUN) as log:
            assert log.size() > size
            size = log.rewrite(size, ["two", "three"])
        assert joined(store.read(RUN)) == b"one\ntwo\nthree\n"
        assert size == store.size(RUN)

    def test_a_log_that_is_shorter_than_it_was_is_gone_on_with(self, store: LogStore) -> None:
        store.append(RUN, ["one"])
        with store.writing(RUN) as log:
            assert log.rewrite(100, ["two"]) == 8
        assert joined(store.read(RUN)) == b"one\ntwo\n"

    def test_one_writes_at_a_time(self, store: LogStore) -> None:
        def write(letter: str) -> None:
            for _ in range(20):
                with store.writing(RUN) as log:
                    size = log.size()
                    for line in range(5):
                        size = log.rewrite(size, [f"{letter}{line}"])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, "abcd"))
        lines = joined(store.read(RUN)).split()
        assert len(lines) == 400
        assert [line[1:] for line in lines] == [b"0", b"1", b"2", b"3", b"4"] * 80

    def test_replicas_have_logs_beside_the_run(self, store: LogStore) -> None:
        store.append(RUN, ["run"])
        store.append(f"{RUN}/3.worker", ["replica"])
        assert joined(store.read(RUN)) == b"run\n"
        assert joined(store.read(f"{RUN}/3.worker")) == b"replica\n"

    def test_delete_removes_the_log_and_those_below_and_nothing_else(self, store: LogStore) -> None:
        for path in (RUN, f"{RUN}/3.worker", "ann/digits/experiments/70"):
            store.append(path, ["x"])
        store.delete(RUN)
        store.delete(RUN)
        assert store.size(RUN) == store.size(f"{RUN}/3.worker") == 0
        assert store.size("ann/digits/experiments/70") == 2

    @pytest.mark.parametrize("path", BAD_PATHS)
    def test_paths_that_lead_out_are_refused(self, store: LogStore, path: str) -> None:
        for call in (
            store.size,
            store.read,
            store.delete,
            store.local_path,
            lambda path: store.append(path, ["x"]),
        ):
            with pytest.raises(PathRefused):
                call(path)


class OutputsStoreContract:
    @pytest.fixture
    def store(self) -> OutputsStore:
        raise NotImplementedError

    def put(self, store: OutputsStore, path: str, name: str, data: bytes) -> None:
        """Write a file as a run would."""
        raise NotImplementedError

    def test_prepare_never_removes_anything(self, store: OutputsStore) -> None:
        store.prepare(RUN)
        self.put(store, RUN, "model.pkl", b"weights")
        store.prepare(RUN)
        assert store.tree(RUN) == Tree([("model.pkl", 7)], [])

    def test_a_run_without_outputs_has_an_empty_tree(self, store: OutputsStore) -> None:
        assert store.tree(RUN) == Tree([], [])
        assert store.tree(RUN, "") == Tree([], [])

    def test_tree_lists_one_folder_sorted(self, store: OutputsStore) -> None:
        for name in ("b.txt", "a.txt", "plots/loss.png", "plots/deep/x", "checkpoints/1"):
            self.put(store, RUN, name, name.encode())
        assert store.tree(RUN) == Tree([("a.txt", 5), ("b.txt", 5)], ["checkpoints", "plots"])
        assert store.tree(RUN, "plots") == store.tree(RUN, "./plots/") == Tree([("loss.png", 14)], ["deep"])

    @pytest.mark.parametrize("sub", ["nowhere", "a.txt", "a.txt/b"])
    def test_tree_of_no_folder(self, store: OutputsStore, sub: str) -> None:
        self.put(store, RUN, "a.txt", b"a")
        with pytest.raises(OutputsNotFound):
            store.tree(RUN, sub)

    def test_open_streams_any_bytes_and_tells_the_size(self, store: OutputsStore) -> None:
        data = bytes(range(256)) * 1000
        self.put(store, RUN, "sub folder/naïve 💾.bin", data)
        stream, size = store.open(RUN, "sub folder/naïve 💾.bin")
        with stream:
            assert (stream.read(), size) == (data, len(data))

    @pytest.mark.parametrize("name", ["nowhere", "plots", "plots/loss.png/x", "%2e%2e/x"])
    def test_open_of_no_file(self, store: OutputsStore, name: str) -> None:
        self.put(store, RUN, "plots/loss.png", b"png")
        with pytest.raises(OutputsNotFound) as error:
            store.open(RUN, name)
        assert name in str(error.value)

    def test_one_run_cannot_name_files_of_another(self, store: OutputsStore) -> None:
        self.put(store, RUN, "a", b"mine")
        self.put(store, "bob/secret/experiments/1", "a", b"his")
        for name in ("../../../../bob/secret/experiments/1/a", "/bob/secret/experiments/1/a"):
            with pytest.raises(PathRefused):
                store.open(RUN, name)
            with pytest.raises(PathRefused):
                store.tree(RUN, name)

    def test_archive_holds_relative_names(self, store: OutputsStore) -> None:
        self.put(store, RUN, "model.pkl", b"weights")
        self.put(store, RUN, "plots/loss.png", b"png")
        assert unpacked(store.archive(RUN)) == {
            "model.pkl": b"weights",
            "plots": None,
            "plots/loss.png": b"png",
        }

    def test_archive_of_nothing_is_told_at_once(self, store: OutputsStore) -> None:
        with pytest.raises(OutputsNotFound):
            store.archive(RUN)

    def test_copy_gives_the_new_run_files_of_its_own(self, store: OutputsStore) -> None:
        self.put(store, RUN, "checkpoints/1", b"one")
        assert store.copy(RUN, "ann/digits/experiments/8")
        self.put(store, "ann/digits/experiments/8", "checkpoints/1", b"changed")
        stream, _ = store.open(RUN, "checkpoints/1")
        with stream:
            assert stream.read() == b"one"

    def test_copy_again_spoils_nothing(self, store: OutputsStore) -> None:
        self.put(store, RUN, "a", b"old")
        target = "ann/digits/experiments/8"
        store.prepare(target)
        assert store.copy(RUN, target)
        self.put(store, target, "a", b"trained further")
        assert not store.copy(RUN, target)
        assert store.tree(target) == Tree([("a", 15)], [])

    def test_copy_of_a_run_without_outputs(self, store: OutputsStore) -> None:
        assert store.copy(RUN, "ann/digits/experiments/8")
        assert store.tree("ann/digits/experiments/8") == Tree([], [])

    def test_delete_removes_one_run_only(self, store: OutputsStore) -> None:
        self.put(store, RUN, "a/b", b"x")
        self.put(store, "ann/digits/experiments/70", "a", b"x")
        store.delete(RUN)
        store.delete(RUN)
        assert store.tree(RUN) == Tree([], [])
        assert store.tree("ann/digits/experiments/70") == Tree([("a", 1)], [])
        assert store.tree("ann/digits/experiments") == Tree([], ["70"])

    @pytest.mark.parametrize("path", BAD_PATHS)
    def test_paths_that_lead_out_are_refused(self, store: OutputsStore, path: str) -> None:
        calls = (store.prepare, store.tree, store.archive, store.delete, store.local_path)
        for call in (*calls, lambda path: store.open(path, "a"), lambda path: store.copy(path, RUN)):
            with pytest.raises(PathRefused):
                call(path)
