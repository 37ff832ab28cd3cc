"""How the embedded server ends when something of it does not do its part."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contents import WAITS
from tests.embedded.server import ROOT, Server
from tests.embedded.test_serve import of_runs, until_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# The real server, but for one thing.
PROGRAM = """
import os, sys, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
import django
django.setup()
from scheduler.embedded import server, worker
{change}
server.serve()
"""
WORKER_DIES = """
class Dying:
    def start(self):
        while not os.path.exists(os.environ["DIE"]):
            time.sleep(0.1)
        raise RuntimeError("a defect")
    def stop(self):
        pass
worker._worker = Dying
"""
PASS_HANGS = """
import scheduler.tasks
def hang():
    open(os.environ["DIE"], "w").close()
    time.sleep(1000)
scheduler.tasks.sync_pass.run = hang
"""


def changed(tmp_path: Path, change: str) -> Server:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(change=change))
    return Server(tmp_path / "data", program=program, DIE=str(tmp_path / "die"), POLYAXON_STOP_GRACE_SECONDS="1")


def test_a_server_whose_worker_dies_ends_loudly_and_leaves_its_runs_be(tmp_path: Path) -> None:
    server = changed(tmp_path, WORKER_DIES)
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        run = server.create_experiment("p", WAITS)
        server.wait_for(f"admin/p/experiments/{run}", {"running"})
        (tmp_path / "die").touch()
        assert server.process is not None
        assert server.process.wait(120) == 1
        assert "The worker thread ended by itself" in server.log.read_text()
        whole = Server(server.folder)
        try:
            whole.start()
            (whole.folder / "outputs/admin/p/experiments" / str(run) / "go").touch()
            whole.wait_for(f"admin/p/experiments/{run}", {"succeeded"})
        finally:
            whole.close()
    finally:
        server.close()


def test_a_pass_that_hangs_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    server = changed(tmp_path, PASS_HANGS)
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        run = server.create_experiment("p", "sleep 1000")
        marker = f"POLYAXON_RUN_OUTPUTS_PATH={server.folder}"
        until_runs(marker, there=True)
        deadline = time.monotonic() + 60
        while not (tmp_path / "die").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 110  # the pass would take 1000
        assert of_runs(marker) == []
        assert server.log.read_text().count("was cut off") == 1
        assert run > 0
    finally:
        server.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path / "data")
    for delay in (0.3, 0.9, 1.5, 2.1):
        process = server.launch()
        time.sleep(delay)
        process.send_signal(number)
        process.send_signal(number)  # a person who presses Ctrl-C twice
        assert process.wait(60) in {0, -number, 128 + number}
    try:
        server.start()
        server.request("POST", "projects", {"name": "p"})
        assert server.stop() == 0
    finally:
        server.close()


STARTING = """
import signal, sys
import django.core.management as management
management.execute_from_command_line = lambda _: print(signal.getsignal(signal.SIGINT) is signal.SIG_DFL)
sys.argv = ["manage.py", sys.argv[1]]
import manage
manage.main()
"""


@pytest.mark.parametrize("command", ["serve", "component"])
def test_an_interrupt_during_the_start_is_no_exception_that_a_finalizer_would_swallow(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTING, command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
