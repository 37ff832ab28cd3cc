"""Logs of pods on a real cluster: live, whole, and every line once, whatever is killed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.servers import cluster_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.cluster import Cluster
    from tests.embedded.server import Server

DONE = {"succeeded", "failed", "stopped"}
RANKS = {"master-0": 0, "worker-0": 1, "worker-1": 2}
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (?:(\S+) )?-- (.*)")


@pytest.fixture
def server(cluster: Cluster, cluster_namespace: str, tmp_path: Path) -> Iterator[Server]:
    with cluster_server(cluster, cluster_namespace, tmp_path) as running:
        running.request("POST", "projects", {"name": "digits"})
        yield running


def run(server: Server, command: str, status: str = "succeeded", **content: Any) -> int:
    key = server.create_experiment("digits", command, **content)
    found = server.wait_for(f"admin/digits/experiments/{key}", DONE, 120)
    assert found["last_status"] == status, found
    return key


def lines(server: Server, key: int) -> list[str]:
    """The log's lines, with the replica where they have one."""
    found = []
    for line in server.text(f"admin/digits/experiments/{key}/logs").splitlines():
        parts = LINE.fullmatch(line)
        assert parts is not None, line
        found.append(f"{parts[1]}: {parts[2]}" if parts[1] else parts[2])
    return found


def complete(server: Server, key: int, count: int, patience: float = 60) -> list[str]:
    """The log, once it has that many lines, and a moment later."""
    deadline = time.monotonic() + patience
    while len(lines(server, key)) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1.5)
    return lines(server, key)


def test_a_run_of_a_moment_is_logged_whole(server: Server) -> None:
    key = run(server, "for i in 1 2 3; do echo line $i; done; echo -n end")
    assert complete(server, key, 4) == ["line 1", "line 2", "line 3", "end"]


def test_lines_come_while_it_runs(server: Server) -> None:
    key = server.create_experiment("digits", "echo first; sleep 200; echo last")
    server.wait_for(f"admin/digits/experiments/{key}", {"running"}, 60)
    assert complete(server, key, 1) == ["first"]
    server.request("POST", f"admin/digits/experiments/{key}/stop")
    assert server.wait_for(f"admin/digits/experiments/{key}", DONE, 60)["last_status"] == "stopped"


def test_failures_lose_nothing(server: Server) -> None:
    memory: dict[str, Any] = {"environment": {"resources": {"memory": {"limits": 64}}}}
    hungry = "python3 -c \"print('before', flush=True); x = bytearray(10**9)\"; echo after; kill -9 $$"
    killed = run(server, hungry, "failed", **memory)
    failed = run(server, "echo said; exit 3", "failed")
    assert complete(server, killed, 1)[0] == "before"
    assert complete(server, failed, 1) == ["said"]


def test_long_lines_and_bytes_that_are_no_text(server: Server) -> None:
    program = (
        "import sys; w = sys.stdout.buffer.write; w(b'x' * 50_000 + b'\\n'); w(b'\\xff\\x00\\xfe bin\\n'); "
        "w(b'1%\\r2%\\r100%\\n'); w(b'y' * 200_000 + b'\\n'); w('ä'.encode() * 30_000 + b'\\n')"
    )
    key = run(server, f'python3 -c "{program}"')
    found = complete(server, key, 8)
    assert found[0] == "x" * 50_000
    assert found[1:3] == ["\ufffd\ufffd bin", "100%"]
    assert "".join(found[3:7]) == "y" * 200_000
    assert found[7:] == ["ä" * 30_000]


def test_replicas_say_who_wrote_a_line(server: Server) -> None:
    distributed: dict[str, Any] = {"framework": "pytorch", "environment": {"replicas": {"n_workers": 2}}}
    key = run(server, "echo rank $RANK; [ $RANK != 0 ] || sleep 8", **distributed)
    assert sorted(complete(server, key, 3)) == ["master.0: rank 0", "worker.0: rank 1", "worker.1: rank 2"]
    rows = server.request("GET", f"admin/digits/experiments/{key}/jobs")["results"]
    for row in rows:
        own = server.text(f"admin/digits/experiments/{key}/jobs/{row['id']}/logs").splitlines()
        assert [line.split(" -- ")[1] for line in own] == [f"rank {RANKS[row['pod_id'].split('-', 2)[2]]}"]


def test_no_line_is_lost_or_doubled_when_everything_is_killed(server: Server) -> None:
    """Kill -9 of the server, with the monitor in it, at moments that nobody chose, while lines come all the time."""
    program = "import time\nfor n in range(6000):\n    print('n', n, flush=True)\n    time.sleep(0.004)"
    key = server.create_experiment("digits", f'python3 -c "{program}"')
    server.wait_for(f"admin/digits/experiments/{key}", {"running"}, 60)
    for pause in (2.3, 1.1, 3.7):
        time.sleep(pause)
        server.kill()
        server.start(patience=180)
    found = server.wait_for(f"admin/digits/experiments/{key}", DONE, 120)
    assert found["last_status"] == "succeeded"
    assert complete(server, key, 6000) == [f"n {n}" for n in range(6000)]
