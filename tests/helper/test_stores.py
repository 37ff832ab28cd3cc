"""Object stores, by the helper's real processes against a server of each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helper.processes import run, start

PREFIX = "runs/ada/7"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@contextlib.contextmanager
def serving(host: str) -> Iterator[str]:
    """A server that speaks S3, with one bucket."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://{host}:{port}"
    try:
        _make_bucket(address)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving("127.0.0.1") as address:
        yield address


def _make_bucket(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{address}/bucket", method="PUT"), timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, "the store did not start"
            time.sleep(0.2)
        else:
            return


@pytest.fixture
def where(endpoint: str, tmp_path: Path) -> tuple[str, str]:
    """Address in the store, and credentials."""
    return f"s3://bucket/{PREFIX}/{tmp_path.name}", json.dumps({**KEYS, "endpoint_url": endpoint})


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
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(where: tuple[str, str], folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    assert run("init", {"downloads": [transfer(where, folder)]}, STORE=where[1]) == (0, "")
    return files_of(folder)


def wait_for(condition: Any, seconds: float = 30) -> None:
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
        numbers = iter(range(100))
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
def test_outputs_that_cannot_be_stored_are_a_failure(endpoint: str, tmp_path: Path) -> None:
    (outputs := tmp_path / "outputs").mkdir()
    where = "s3://no-such-bucket/x", json.dumps({**KEYS, "endpoint_url": endpoint})
    with sidecar(where, outputs) as process:
        exit_code, said = end(process)
    assert exit_code == 1
    assert "NoSuchBucket" in said


@pytest.mark.slow
def test_a_helper_that_was_started_again_stores_only_what_is_missing(where: tuple[str, str], tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for name in ("a", "b"):
        (outputs / name).write_text(name)
        with sidecar(where, outputs) as process:
            assert end(process) == (0, "")
    assert fetched(where, tmp_path / "again") == {"a": b"a", "b": b"b"}
