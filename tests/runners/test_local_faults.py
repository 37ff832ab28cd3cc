"""Any process may be killed at any moment: a command begins once, and its end is found."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from scheduler.runners.base import LaunchSpec, Phase, StopReason
from scheduler.runners.local import files
from scheduler.runners.local.runner import LocalRunner
from tests.runners.contract import (
    log_texts,
    make_spec,
    repository,
    wait_end,
    wait_for,
    wait_log,
    wait_running,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["repository"]

COUNT = 'echo begun >> "$POLYAXON_RUN_OUTPUTS_PATH/count"'


def counted(spec: LaunchSpec) -> str:
    return (spec.outputs_path / "count").read_text()


class Submitter:
    """Another process that submits."""

    def __init__(self, root: Path, spec: LaunchSpec) -> None:
        names = ("run", "attempt", "command", "env", "commit")
        data = {name: getattr(spec, name) for name in names}
        data |= {name: str(getattr(spec, name)) for name in ("log_path", "outputs_path")}
        data |= {"root": str(root), "repository": str(spec.repository) if spec.repository else None}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.runners.submitter"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self.process.stdin
        self.process.stdin.write(json.dumps(data))
        self.process.stdin.close()

    def wait_for(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == f"{word}\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def submitters() -> Iterator[list[Submitter]]:
    started: list[Submitter] = []
    yield started
    for submitter in started:
        submitter.kill()


def supervisor_of(runner: LocalRunner, spec: LaunchSpec) -> int:
    pid = runner._state(spec.run, spec.attempt).supervisor_pid()
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pid_in_log(spec: LaunchSpec, word: str) -> int:
    def found() -> list[str]:
        return [text for text in log_texts(spec) if text.startswith(f"{word} ")]

    wait_for(lambda: bool(found()), word)
    return int(found()[0].split()[1])


def test_processes_that_submit_at_once_start_it_once(
    runner: LocalRunner, tmp_path: Path, submitters: list[Submitter]
) -> None:
    spec = make_spec(tmp_path, f"{COUNT}; sleep 1")
    submitters += [Submitter(runner.root, spec) for _ in range(4)]
    for submitter in submitters:
        submitter.wait_for("ready")
        submitter.wait_for("submitted")
    assert wait_end(runner, spec).exit_code == 0
    assert counted(spec) == "begun\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_submit_killed_anywhere_is_repeated_safely(
    seed: int, tmp_path: Path, runner: LocalRunner, submitters: list[Submitter], repository: tuple[Path, str]
) -> None:
    command = f"bash train.sh; {COUNT}; sleep 0.2"
    spec = make_spec(tmp_path, command, repository=repository[0], commit=repository[1])
    submitters.append(Submitter(runner.root, spec))
    submitters[0].wait_for("ready")
    time.sleep(random.Random(seed).uniform(0, 0.15))
    submitters[0].kill()
    runner.submit(spec)
    end = wait_end(runner, spec)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0)
    assert counted(spec) == "begun\n"
    assert log_texts(spec) == ["trained"]
    assert not list((runner.root / spec.run).glob(".*.part"))


def test_an_orphaned_supervisor_and_a_new_one_start_it_once(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, f"{COUNT}; sleep 0.3")
    state = runner._state(spec.run, 1)
    work = tmp_path / "work"
    work.mkdir()
    spec.outputs_path.mkdir(parents=True)
    env = runner._environment(spec)
    state.launch({"command": spec.command, "work": str(work), "log_path": str(spec.log_path), "env": env})
    shim = Path(sys.modules["scheduler.runners.local.shim"].__file__ or "")
    argv = [sys.executable, "-I", "-S", str(shim), str(state.folder)]
    starters = [subprocess.Popen(argv) for _ in range(4)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0, 0]
    assert wait_end(runner, spec).exit_code == 0
    assert counted(spec) == "begun\n"


def test_a_run_outlives_its_server_and_a_new_one_finds_the_end(
    runner: LocalRunner, tmp_path: Path, submitters: list[Submitter]
) -> None:
    go = tmp_path / "go"
    spec = make_spec(tmp_path, f"{COUNT}; while ! test -e {go}; do sleep 0.05; done; echo late; exit 5")
    submitters.append(Submitter(runner.root, spec))
    submitters[0].wait_for("ready")
    submitters[0].wait_for("submitted")
    submitters[0].kill()
    successor = LocalRunner(runner.root)
    assert successor.observe(spec.run, 1).phase == Phase.RUNNING
    assert successor.active() == [spec.run]
    successor.submit(spec)
    go.touch()
    end = wait_end(successor, spec)
    assert end.exit_code == 5
    assert log_texts(spec) == ["late"]
    assert counted(spec) == "begun\n"


def test_a_killed_supervisor_takes_everything_with_it(runner: LocalRunner, tmp_path: Path) -> None:
    command = "setsid bash -c 'echo away $$; sleep 60' & sleep 60 & echo near $!; echo main $$; wait"
    spec = make_spec(tmp_path, f"{COUNT}; {command}", env={"POLYAXON_TOKEN": "s3cret"})
    runner.submit(spec)
    pids = [pid_in_log(spec, word) for word in ("away", "near", "main")]
    os.kill(supervisor_of(runner, spec), signal.SIGKILL)
    wait_for(lambda: not is_alive(pids[2]), "the command's end")
    wait_for(lambda: not runner._state(spec.run, 1).is_live(), "the supervisor's end")
    seen = runner.observe(spec.run, 1)
    assert seen.phase == Phase.LOST
    assert seen.started_at is not None
    assert seen.message is not None
    assert "vanished without an exit status" in seen.message
    assert not any(is_alive(pid) for pid in pids)
    runner.submit(spec)
    assert runner.observe(spec.run, 1).phase == Phase.LOST
    assert counted(spec) == "begun\n"
    assert runner.active() == [spec.run]
    runner.clean(spec.run)
    assert runner.active() == []


def test_a_lost_run_that_was_asked_to_stop_says_so(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    runner.submit(spec)
    wait_log(spec, "ready")
    runner.stop(spec.run, 1, StopReason.USER, 60)
    os.kill(supervisor_of(runner, spec), signal.SIGKILL)
    wait_for(lambda: runner.observe(spec.run, 1).phase == Phase.LOST, "lost")
    assert runner.observe(spec.run, 1).stop_reason == StopReason.USER


def test_a_supervisor_asked_to_end_stops_its_run_first(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "trap 'echo saving; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    runner.submit(spec)
    wait_log(spec, "ready")
    os.kill(supervisor_of(runner, spec), signal.SIGTERM)
    end = wait_end(runner, spec)
    assert (end.phase, end.exit_code, end.stop_reason) == (Phase.EXITED, 0, StopReason.SHUTDOWN)
    assert end.message == "stopped because the server shut down"
    assert log_texts(spec)[-1] == "saving"


def test_observing_all_the_time_keeps_no_supervisor_from_starting(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "sleep 0.2")
    (runner.root / spec.run / "1").mkdir(parents=True)
    (runner.root / spec.run / "1" / "lock").touch()
    watcher = (
        "import sys, pathlib; from scheduler.runners.local.runner import LocalRunner\n"
        f"r = LocalRunner(pathlib.Path({str(runner.root)!r})); print('on', flush=True)\n"
        f"while True: r.observe({spec.run!r}, 1)"
    )
    argv = [sys.executable, "-c", watcher]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        runner.submit(spec)
        phase = runner.observe(spec.run, 1).phase
        end = wait_end(runner, spec)
        process.kill()
    assert phase in {Phase.STARTING, Phase.RUNNING, Phase.EXITED}
    assert (end.phase, end.exit_code) == (Phase.EXITED, 0)


def test_shutdown_stops_all_at_once(runner: LocalRunner, tmp_path: Path) -> None:
    command = "trap 'date +%s.%N' TERM; echo ready; while :; do sleep 0.05; done"
    stubborn = [make_spec(tmp_path, command) for _ in range(3)]
    polite = [make_spec(tmp_path, "echo ready; exec sleep 60") for _ in range(3)]
    for spec in stubborn + polite:
        runner.submit(spec)
    for spec in stubborn + polite:
        wait_log(spec, "ready")
    assert runner.shutdown(8.0) == []
    ends = [runner.observe(spec.run, 1) for spec in stubborn + polite]
    # The last one was asked before the grace of the first was over.
    asked = [float(text) for spec in stubborn for text in log_texts(spec) if text[:1].isdigit()]
    killed = [end.finished_at.timestamp() for end in ends[:3] if end.finished_at is not None]
    assert (len(asked), len(killed)) == (3, 3)
    assert max(asked) < min(killed)
    assert [end.signal for end in ends] == [9, 9, 9, 15, 15, 15]
    assert {end.stop_reason for end in ends} == {StopReason.SHUTDOWN}
    assert runner.active() == []


def test_a_stop_between_launch_and_begin_ends_it_unbegun(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, COUNT, env={"POLYAXON_TOKEN": "s3cret"})
    state = runner._state(spec.run, 1)
    state.launch({"command": COUNT, "work": "/", "log_path": str(spec.log_path), "env": dict(spec.env)})
    assert runner.observe(spec.run, 1).phase == Phase.ABSENT
    assert runner.active() == [spec.run]
    runner.stop(spec.run, 1, StopReason.SHUTDOWN, 5)
    assert runner.observe(spec.run, 1).stop_reason == StopReason.SHUTDOWN
    runner.submit(spec)
    assert not (spec.outputs_path / "count").exists()
    assert "s3cret" not in (state.folder / "launch.json").read_text()


def test_a_running_supervisor_is_small_and_is_no_child_of_the_server(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "sleep 30")
    runner.submit(spec)
    wait_running(runner, spec)
    supervisor = psutil.Process(supervisor_of(runner, spec))
    assert supervisor.ppid() != os.getpid()
    assert os.getsid(supervisor.pid) != os.getsid(0)
    assert supervisor.memory_info().rss < 24 * 1024 * 1024
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


def test_the_server_and_the_supervisor_may_remove_the_environment_at_once(tmp_path: Path) -> None:
    """A run that had begun was shown as one that could not be started, when one removed what the other was at."""
    folder = str(tmp_path)
    both = threading.Barrier(2, timeout=20)

    def scrubbing(_: int) -> None:
        for _ in range(300):
            if both.wait() == 0:
                files.write_json(str(tmp_path / files.LAUNCH), {"command": "true", "env": {"TOKEN": "x" * 5000}})
            both.wait()
            files.scrub(folder)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(scrubbing, range(2)))
    assert "TOKEN" not in "".join(path.read_text() for path in tmp_path.iterdir())
