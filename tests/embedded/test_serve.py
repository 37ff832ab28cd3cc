"""Starting and stopping the embedded server."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.embedded.server import ROOT, Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run_serve(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "serve", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode != 0
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    assert "Traceback" not in result.stderr
    return lines[-1]


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = one_line(run_serve(Server(tmp_path / "data").environment, "--port", port))
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line


def test_an_unusable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    line = one_line(run_serve(Server(tmp_path / "file" / "data").environment))
    assert "data folder" in line
    assert str(tmp_path / "file" / "data") in line


@pytest.mark.parametrize(
    ("key", "value"),
    [("POLYAXON_PORT", "many"), ("POLYAXON_LOCAL_CONCURRENCY", "0"), ("POLYAXON_ALLOWED_HOSTS", "not json")],
)
def test_a_bad_setting_is_named(tmp_path: Path, key: str, value: str) -> None:
    line = one_line(run_serve(Server(tmp_path / "data").environment | {key: value}))
    assert key in line


def test_a_second_server_on_the_same_folder_is_refused(server: Server) -> None:
    line = one_line(run_serve(Server(server.folder).environment))
    assert "in use by another server" in line
    assert str(server.process.pid if server.process else "") in line


def test_sigterm_ends_the_server_and_every_process_it_started(server: Server) -> None:
    server.request("POST", "projects", {"name": "p"})
    run = server.create_experiment("p", "sleep 1000 & setsid sleep 1001 & echo started; sleep 1002")
    server.wait_for(f"admin/p/experiments/{run}", {"running"})
    marker = f"POLYAXON_RUN_OUTPUTS_PATH={server.folder}"
    until_runs(marker, there=True)
    assert server.stop() == 0
    assert of_runs(marker) == []


def until_runs(marker: str, *, there: bool) -> None:
    """Wait for processes of runs, or for the end of all. A run counts as running from just before it has one."""
    deadline = time.monotonic() + 60
    while bool(of_runs(marker)) is not there:
        assert time.monotonic() < deadline, of_runs(marker)
        time.sleep(0.1)


def of_runs(marker: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if any(f"{key}={value}".startswith(marker) for key, value in process.environ().items()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_generated_password_is_shown_once_and_kept_in_a_private_file(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", POLYAXON_ADMIN_PASSWORD="")
    try:
        server.start()
        file = server.folder / "admin-password"
        password = file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert server.log.read_text().count(password) == 1
        assert server.request("POST", "users/token", {"username": "admin", "password": password})["token"]
        server.stop()
        server.start()
        assert server.log.read_text().count(password) == 1
    finally:
        server.close()


def test_a_stopped_run_ends_with_its_whole_group(server: Server) -> None:
    server.request("POST", "projects", {"name": "p"})
    run = server.create_experiment("p", "sleep 500 & sleep 501")
    server.wait_for(f"admin/p/experiments/{run}", {"running"})
    server.request("POST", f"admin/p/experiments/{run}/stop")
    end = server.wait_for(f"admin/p/experiments/{run}", {"stopped"})
    assert end["finished_at"] is not None
    until_runs(f"POLYAXON_RUN_OUTPUTS_PATH={server.folder}", there=False)


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        ("exit 0", "succeeded", ""),
        ("exit 7", "failed", "7"),
        ("no-such-command-at-all", "failed", "127"),
        ("kill -9 $$", "failed", "SIGKILL"),
    ],
)
def test_the_end_of_a_command_is_told_in_words(server: Server, command: str, status: str, reason: str) -> None:
    server.request("POST", "projects", {"name": "p"})
    run = server.create_experiment("p", command)
    server.wait_for(f"admin/p/experiments/{run}", {status})
    last = server.request("GET", f"admin/p/experiments/{run}/statuses")["results"][-1]
    assert last["status"] == status
    assert reason in (last["message"] or "")
