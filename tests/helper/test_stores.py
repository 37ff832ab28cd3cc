"""Object stores, by the helper's real processes against a server of each kind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.helper.processes import FOLDER, run, start
from tests.helper.store_servers import KINDS, Served, service_account

PREFIX = "runs/ada/7"
ODD = ("a", "models/ä b/1+1=2.bin", "50%20off", "q?x&y#z", "~/-_.'(*)!", "日本")


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with KINDS[request.param]("127.0.0.1") as found:
        yield found


@pytest.fixture
def where(served: Served, tmp_path: Path) -> tuple[str, str]:
    """Address in the store, and credentials."""
    return served.url(f"{PREFIX}/{tmp_path.name}"), served.credentials


def transfer(where: tuple[str, str], folder: Path, **more: Any) -> dict[str, Any]:
    return {"url": where[0], "path": str(folder), "credentials": "STORE", **more}


@contextlib.contextmanager
def sidecar(where: tuple[str, str], folder: Path, interval: float = 30) -> Iterator[subprocess.Popen[str]]:
    """A helper that has started."""
    ready = folder.with_name(f"{folder.name}-ready")
    ready.unlink(missing_ok=True)
    plan = {"uploads": [transfer(where, folder)], "interval": interval, "ready": str(ready)}
    with start("sidecar", plan, STORE=where[1]) as process:
        wait_for(ready.exists)
        yield process


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=90)
    return process.returncode, said


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(where: tuple[str, str], folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    assert run("init", {"downloads": [transfer(where, folder)]}, STORE=where[1]) == (0, "")
    return files_of(folder)


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_what_a_run_wrote_is_there_for_its_next_attempt(where: tuple[str, str], tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    (outputs / "models" / "ä b").mkdir(parents=True)
    with sidecar(where, outputs) as process:
        (outputs / "models" / "ä b" / "1+1=2.bin").write_bytes(os.urandom(1000))
        (outputs / "empty").touch()
        (outputs / "link").symlink_to("/etc/passwd")
        assert end(process) == (0, "")
    written = {name: data for name, data in files_of(outputs).items() if name != "link"}
    assert fetched(where, tmp_path / "again") == written


@pytest.mark.slow
def test_outputs_are_stored_while_the_run_goes_on(where: tuple[str, str], tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs").mkdir()
    (outputs / "a.txt").write_text("first")
    os.utime(outputs / "a.txt", (time.time() - 60,) * 2)
    with sidecar(where, outputs, interval=0.2) as process:
        numbers = count()
        wait_for(lambda: fetched(where, tmp_path / f"seen-{next(numbers)}") == {"a.txt": b"first"})
        (outputs / "a.txt").write_text("second")
        assert end(process) == (0, "")
    assert fetched(where, tmp_path / "at-the-end") == {"a.txt": b"second"}


@pytest.mark.slow
def test_large_files_travel_in_parts(where: tuple[str, str], tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs").mkdir()
    data = os.urandom(1024) * (130 * 1024)
    (outputs / "model.bin").write_bytes(data)
    with sidecar(where, outputs) as process:
        assert end(process) == (0, "")
    assert fetched(where, tmp_path / "again") == {"model.bin": data}


@pytest.mark.slow
def test_outputs_that_cannot_be_stored_are_a_failure(served: Served, tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs").mkdir()
    (outputs / "a").write_text("a")
    with sidecar((served.url("x", "no-such-bucket"), served.credentials), outputs) as process:
        exit_code, said = end(process)
    assert exit_code == 1
    assert served.no_bucket in said


@pytest.mark.slow
def test_a_helper_that_was_started_again_stores_only_what_is_missing(where: tuple[str, str], tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for name in ("a", "b"):
        (outputs / name).write_text(name)
        with sidecar(where, outputs) as process:
            assert end(process) == (0, "")
    assert fetched(where, tmp_path / "again") == {"a": b"a", "b": b"b"}


@pytest.mark.slow
def test_odd_names_are_kept(where: tuple[str, str], tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    for name in ODD:
        (outputs / name).parent.mkdir(parents=True, exist_ok=True)
        (outputs / name).write_text(name)
    with sidecar(where, outputs) as process:
        assert end(process) == (0, "")
    assert fetched(where, tmp_path / "again") == {name: name.encode() for name in ODD}


@pytest.mark.slow
def test_odd_prefixes_are_kept_apart(where: tuple[str, str], tmp_path: Path) -> None:
    prefixes = ("a b", "a%20b", "a+b", "1+1=2/50%/ä ~")
    for number, prefix in enumerate(prefixes):
        (outputs := tmp_path / f"outputs-{number}").mkdir()
        (outputs / "name").write_text(prefix)
        with sidecar((f"{where[0]}/{prefix}", where[1]), outputs) as process:
            assert end(process) == (0, "")
    for number, prefix in enumerate(prefixes):
        assert fetched((f"{where[0]}/{prefix}", where[1]), tmp_path / f"again-{number}") == {"name": prefix.encode()}


@pytest.mark.slow
def test_what_lies_beside_the_prefix_is_not_fetched(where: tuple[str, str], tmp_path: Path) -> None:
    for suffix in ("", "0"):
        outputs = tmp_path / f"outputs{suffix}"
        outputs.mkdir()
        (outputs / "name").write_text(suffix)
        with sidecar((where[0] + suffix, where[1]), outputs) as process:
            assert end(process) == (0, "")
    assert fetched(where, tmp_path / "again") == {"name": b""}


@pytest.mark.slow
def test_all_pages_of_a_list_are_read(where: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from helper.stores import open_store

    store = open_store(*where)
    monkeypatch.setattr(store, "page", 2)
    (file := tmp_path / "file").touch()
    for number in range(5):
        store.put(f"{number}", file)
    assert [found.name for found in store.list()] == ["0", "1", "2", "3", "4"]


@pytest.mark.slow
def test_a_wrong_key_is_told(served: Served, tmp_path: Path) -> None:
    wrong = {
        "s3": {"aws_secret_access_key": "wrong"},
        "gs": {"private_key": service_account("")["private_key"]},
        "wasbs": {"account_key": "d3Jvbmc="},
    }[served.kind]
    (outputs := tmp_path / "outputs").mkdir()
    (outputs / "a").write_text("a")
    credentials = json.dumps({**json.loads(served.credentials), **wrong})
    with sidecar((served.url("x"), credentials), outputs) as process:
        exit_code, said = end(process)
    assert exit_code == 1
    assert {"s3": "403", "gs": "invalid_grant", "wasbs": "403"}[served.kind] in said


@pytest.mark.slow
def test_nobody_is_let_in_who_is_not_known(served: Served, tmp_path: Path) -> None:
    """Without keys at all S3's are asked of the machine, so there it is somebody unknown."""
    unknown = {"aws_access_key_id": "AKIAUNKNOWN", "aws_secret_access_key": "x"} if served.kind == "s3" else {}
    (outputs := tmp_path / "outputs").mkdir()
    (outputs / "a").write_text("a")
    with sidecar((served.url("x"), json.dumps({"endpoint_url": served.address, **unknown})), outputs) as process:
        exit_code, said = end(process)
    assert exit_code == 1
    assert {"s3": "403", "gs": "401", "wasbs": "403"}[served.kind] in said


class Disturbed:
    """Passes connections on to a store; of the first some are answered with 503, or end
    in the middle of the answer: `cut` in good order, `reset` not.
    """

    def __init__(self, served: Served, faults: list[str]) -> None:
        host, _, port = served.address.partition("//")[2].partition("/")[0].partition(":")
        self._far = (host, int(port))
        self.faults = faults
        self._near = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._near.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._near.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._near.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        fault = self.faults.pop(0) if self.faults else None
        with near, contextlib.suppress(OSError):
            if fault == "503":
                near.recv(65536)
                near.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection(self._far) as far:
                if fault == "reset":
                    self._reset(near, far)
                    return
                threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
                self._pump(far, near, most=1000 if fault == "cut" else None)
                near.shutdown(socket.SHUT_RDWR)  # closing it would wait for the other thread

    @classmethod
    def _reset(cls, near: socket.socket, far: socket.socket) -> None:
        far.sendall(near.recv(65536))
        cls._pump(far, near, most=1000)
        time.sleep(0.3)  # what arrived but was not read yet would be lost, too
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, most: int | None = None) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(65536 if most is None else max(most - passed, 0)):
                target.sendall(piece)
                passed += len(piece)


@pytest.mark.slow
def test_what_passes_is_tried_again(served: Served, where: tuple[str, str], tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs").mkdir()
    (outputs / "a").write_bytes(data := os.urandom(200_000))
    disturbed = Disturbed(served, ["503", "503"])
    through = where[0], served.behind(disturbed.port).credentials
    try:
        with sidecar(through, outputs) as process:
            assert end(process) == (0, "")
        assert disturbed.faults == []
        disturbed.faults += ["503", "", "cut"]  # the list twice, then half of the file
        assert fetched(through, tmp_path / "again") == {"a": data}
        assert disturbed.faults == []
    finally:
        disturbed.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_an_answer_that_breaks_off_is_asked_for_again(
    served: Served, where: tuple[str, str], tmp_path: Path, fault: str
) -> None:
    """Lists as well as files; the list is longer than what arrives of it."""
    (outputs := tmp_path / "outputs").mkdir()
    for number in range(20):
        (outputs / f"{number:02}").write_bytes(os.urandom(2000))
    with sidecar(where, outputs) as process:
        assert end(process) == (0, "")
    disturbed = Disturbed(served, [fault])
    through = where[0], served.behind(disturbed.port).credentials
    try:
        with sidecar(through, outputs, interval=0.2) as process:
            wait_for(lambda: not disturbed.faults)
            (outputs / "20").write_text("last")
            exit_code, said = end(process)
        assert (exit_code, "Traceback" in said) == (0, False), said
        disturbed.faults += [fault, "", fault]  # a list, then a file
        assert fetched(through, tmp_path / "again") == files_of(outputs)
        assert disturbed.faults == []
    finally:
        disturbed.close()
