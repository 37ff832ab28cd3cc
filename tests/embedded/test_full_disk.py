"""A disk that fills up in the middle delays; once there is room again everything goes on."""

from __future__ import annotations

import subprocess
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.server import Server

pytestmark = pytest.mark.slow
MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB. Needs the right to mount, as in a container's root."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as target:
        for size in (MIB, 4096):
            try:
                while True:
                    target.write(b"x" * size)
            except OSError:
                continue


@pytest.mark.timeout(600)
def test_runs_and_requests_go_on_after_the_disk_was_full(small_disk: Path) -> None:
    server = Server(small_disk / "data", POLYAXON_LOCAL_CONCURRENCY="3")
    server.log = small_disk.parent / "server.log"
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        before = server.create_experiment("p", "for i in $(seq 60); do echo line-$i; sleep 0.1; done; exit 3")
        server.wait_for(f"admin/p/experiments/{before}", {"running"})
        queued = [server.create_experiment("p", "echo fine") for _ in range(3)]
        fill(small_disk / "filler")
        refused: list[int] = []
        for _ in range(20):
            try:
                queued.append(server.create_experiment("p", "echo fine"))
            except urllib.error.HTTPError as error:
                refused.append(error.code)
            time.sleep(0.2)
        time.sleep(3)
        assert refused
        assert min(refused) >= 500
        (small_disk / "filler").unlink()
        server.wait_for(f"admin/p/experiments/{before}", {"failed"}, 120)
        for run in queued:
            server.wait_for(f"admin/p/experiments/{run}", {"succeeded"}, 120)
        server.kill()
        server.start()
        listed = server.request("GET", "admin/p/experiments?limit=100")["results"]
        assert sorted(row["id"] for row in listed) == sorted([before, *queued])
        assert all(row["last_status"] in {"succeeded", "failed"} for row in listed)
    finally:
        server.close()
