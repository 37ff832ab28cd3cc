"""Runs as processes of this machine: output, processes left over, secrets, folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from scheduler.runners.base import LaunchRefused, Phase, RunnerError, StopReason
from scheduler.runners.local import reasons
from scheduler.runners.local.runner import LocalRunner
from tests.runners.contract import (
    log_texts,
    make_spec,
    repository,
    wait_end,
    wait_for,
    wait_log,
)

__all__ = ["repository"]


def alive_with(mark: str) -> list[int]:
    """Processes whose command line holds a text, the test's own left out."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if mark in line and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(process.pid)
    return found


def test_a_line_of_ten_megabytes_arrives_whole(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo after")
    runner.submit(spec)
    assert wait_end(runner, spec).exit_code == 0
    texts = log_texts(spec)
    assert texts[-1] == "after"
    assert "".join(texts[:-1]) == "x" * 10_000_000
    assert max(map(len, texts)) <= 64 * 1024


def test_many_lines_arrive_in_order(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "seq 1 200000")
    runner.submit(spec)
    wait_end(runner, spec)
    assert log_texts(spec) == [str(number) for number in range(1, 200_001)]


def test_a_run_of_a_few_milliseconds_is_complete(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "seq 1 500; sleep 0.02; printf last")
    runner.submit(spec)
    wait_end(runner, spec)
    assert log_texts(spec) == [*map(str, range(1, 501)), "last"]


def test_lines_appear_with_their_times_while_it_runs(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "echo one; printf 'two?'; sleep 300")
    before = datetime.now(UTC)
    runner.submit(spec)
    wait_log(spec, "one")
    wait_log(spec, "two?")
    assert runner.observe(spec.run, 1).phase == Phase.RUNNING
    for line in spec.log_path.read_text().splitlines():
        stamp = datetime.strptime(line.partition(" -- ")[0], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        assert before - timedelta(seconds=1) <= stamp <= datetime.now(UTC)


def test_a_python_program_shows_its_output_at_once(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, """python3 -c 'import time; print("epoch 1"); time.sleep(300)'""")
    runner.submit(spec)
    wait_log(spec, "epoch 1")
    assert runner.observe(spec.run, 1).phase == Phase.RUNNING


def test_a_background_process_does_not_hold_the_run_up(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "sleep 617.3 & echo done")
    runner.submit(spec)
    assert wait_end(runner, spec, 60).exit_code == 0
    assert log_texts(spec) == ["done"]
    assert alive_with("sleep 617.3") == []


def test_a_left_over_process_that_still_writes_is_waited_for(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, 'exec > >(while read -r line; do sleep 0.1; echo "got $line"; done); seq 1 8')
    runner.submit(spec)
    assert wait_end(runner, spec).exit_code == 0
    assert log_texts(spec) == [f"got {number}" for number in range(1, 9)]


def test_one_that_writes_for_ever_is_ended(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "(while :; do sleep 0.1; echo still; done) & echo done")
    runner.submit(spec)
    assert wait_end(runner, spec).exit_code == 0
    assert "still" in log_texts(spec)
    written = len(log_texts(spec))
    time.sleep(0.5)
    assert len(log_texts(spec)) == written


def test_a_daemon_of_the_run_is_found_and_ended(runner: LocalRunner, tmp_path: Path) -> None:
    daemon = "trap '' TERM HUP; exec > /dev/null 2>&1; while :; do sleep 0.05; done; : daemon-of-a-run"
    spec = make_spec(tmp_path, f'setsid setsid bash -c "{daemon}" & disown; sleep 0.3; echo ready; sleep 60')
    runner.submit(spec)
    wait_log(spec, "ready")
    assert len(alive_with("daemon-of-a-run")) >= 1
    runner.stop(spec.run, 1, StopReason.USER, 0.5)
    end = wait_end(runner, spec)
    assert end.stop_reason == StopReason.USER
    assert alive_with("daemon-of-a-run") == []


def test_a_suspended_command_hears_the_stop(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "trap 'echo woke; exit 0' TERM; echo ready; kill -STOP $$; sleep 60")
    runner.submit(spec)
    wait_log(spec, "ready")
    runner.stop(spec.run, 1, StopReason.USER, 40)
    assert wait_end(runner, spec).exit_code == 0
    assert "woke" in log_texts(spec)


def test_secrets_leave_the_disk_once_the_command_runs(
    runner: LocalRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYAXON_SECRET_KEY", "key-of-the-server")
    spec = make_spec(tmp_path, "env; echo ready; sleep 300", env={"POLYAXON_TOKEN": "s3cr3t-t0ken"})
    runner.submit(spec)
    wait_log(spec, "ready")
    launch = runner.root / spec.run / "1" / "launch.json"
    wait_for(lambda: "env" not in json.loads(launch.read_text()), "scrubbed")
    kept = [path for path in runner.root.rglob("*") if path.is_file() and b"s3cr3t-t0ken" in path.read_bytes()]
    assert kept == []
    assert "POLYAXON_TOKEN=s3cr3t-t0ken" in log_texts(spec)
    assert not [text for text in log_texts(spec) if "key-of-the-server" in text]
    assert alive_with("s3cr3t-t0ken") == []
    assert (runner.root / spec.run / "1").stat().st_mode & 0o077 == 0
    assert "s3cr3t-t0ken" not in repr(spec)


def test_the_launch_file_is_private(runner: LocalRunner, tmp_path: Path) -> None:
    state = runner._state("a" * 32, 1)
    state.launch({"env": {"TOKEN": "x"}})
    assert (state.folder / "launch.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.folder.iterdir()] == ["launch.json"]


def test_folders_of_python_come_first_on_the_path(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "python-of-ours"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho ours\n")
    program.chmod(0o755)
    runner = LocalRunner(tmp_path / "runs", python_path=[program.parent])
    spec = make_spec(tmp_path, "python-of-ours")
    runner.submit(spec)
    wait_end(runner, spec)
    assert log_texts(spec) == ["ours"]


def test_the_code_is_kept_from_one_attempt_to_the_next(
    runner: LocalRunner, tmp_path: Path, repository: tuple[Path, str]
) -> None:
    first = make_spec(tmp_path, "echo more > note", repository=repository[0], commit=repository[1])
    runner.submit(first)
    wait_end(runner, first)
    command = "cat note; ls; git rev-parse 2>&1 | head -c 5"
    second = make_spec(tmp_path, command, run=first.run, attempt=2, repository=first.repository, commit=first.commit)
    runner.submit(second)
    wait_end(runner, second)
    assert log_texts(second) == ["more", "note", "train.sh", "fatal"]


def test_a_log_that_cannot_be_written_is_the_run_s_end(runner: LocalRunner, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    spec = make_spec(tmp_path, "echo begun")
    runner.submit(spec)
    end = wait_end(runner, spec)
    assert (end.phase, end.exit_code, end.started_at) == (Phase.EXITED, 126, None)
    assert end.message is not None
    assert end.message.startswith("the command could not be started: ")


def test_a_command_too_long_for_the_kernel_is_the_run_s_end(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "true #" + "x" * 3_000_000)
    runner.submit(spec)
    end = wait_end(runner, spec)
    assert (end.phase, end.exit_code) == (Phase.EXITED, 126)
    assert end.message is not None
    assert "Argument list too long" in end.message


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"": "x"}, {"A": "x\0"}])
def test_impossible_variables_are_refused(runner: LocalRunner, tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(LaunchRefused, match="environment variable"):
        runner.submit(make_spec(tmp_path, "true", env=env))


@pytest.mark.parametrize("run", ["../../etc", "A" * 32, "", "a" * 31])
def test_run_names_cannot_leave_the_root(runner: LocalRunner, run: str) -> None:
    with pytest.raises(RunnerError, match="32 hexadecimal digits"):
        runner.observe(run, 1)
    with pytest.raises(RunnerError, match="32 hexadecimal digits"):
        runner.clean(run)


def test_clean_removes_what_a_run_has_locked_away(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "mkdir -p a/b; touch a/b/c; ln -s / a/b/root; chmod 500 a/b a")
    runner.submit(spec)
    wait_end(runner, spec)
    runner.clean(spec.run)
    assert list(runner.root.iterdir()) == []


def test_a_clean_that_was_cut_short_is_finished_by_the_next_start(runner: LocalRunner) -> None:
    (runner.root / ".0123.trash" / "work").mkdir(parents=True)
    LocalRunner(runner.root)
    assert list(runner.root.iterdir()) == []


def test_a_full_disk_does_not_end_the_run(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, f"seq 1 1000; echo x > {tmp_path}/survived")
    spec.log_path.parent.mkdir()
    spec.log_path.symlink_to("/dev/full")
    runner.submit(spec)
    assert wait_end(runner, spec).exit_code == 0
    assert (tmp_path / "survived").exists()


def test_a_command_can_be_told_apart_from_nothing_on_its_input(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "read -r line || echo 'no input'; ls /proc/self/fd | wc -l")
    runner.submit(spec)
    wait_end(runner, spec)
    assert log_texts(spec) == ["no input", "4"]  # the three standard ones, and the listing itself


def test_a_broken_pipe_ends_a_producer_quietly(runner: LocalRunner, tmp_path: Path) -> None:
    spec = make_spec(tmp_path, "yes | head -n 1; echo ${PIPESTATUS[0]}")
    runner.submit(spec)
    wait_end(runner, spec)
    assert log_texts(spec) == ["y", "141"]


def test_the_supervisor_starts_fast(runner: LocalRunner, tmp_path: Path) -> None:
    """Hardly slower than an interpreter that does nothing, on this machine and at this time."""
    took, bare = [], []
    for _ in range(7):
        spec = make_spec(tmp_path, "true")
        started = time.perf_counter()
        runner.submit(spec)
        took.append(time.perf_counter() - started)
        wait_end(runner, spec)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
        bare.append(time.perf_counter() - started)
    assert min(took) < 15 * min(bare), (took, bare)


def test_the_supervisor_imports_little() -> None:
    program = "import sys; sys.path.append(sys.argv[1]); import scheduler.runners.local.shim; print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", program, str(Path(__file__).parents[2])]
    loaded = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pathlib", "dataclasses", "typing", "subprocess", "threading", "logging"} & set(loaded)
    assert len(loaded) < 90


def test_reasons_for_numbers_without_a_name() -> None:
    assert reasons.of_signal(63) == "killed by signal 63"
    assert reasons.of_signal(13) == "killed by SIGPIPE"
    assert reasons.of_exit_code(128) == "exit code 128"
    assert reasons.of_exit_code(130) == "exit code 130: killed by SIGINT"
    assert reasons.of_exit_code(0) is None


def test_nothing_here_imports_the_web_framework() -> None:
    program = "import sys, scheduler.runners.local.runner; print([m for m in sys.modules if 'django' in m])"
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-c", program]
    out = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=root)
    assert out.stdout == "[]\n"
