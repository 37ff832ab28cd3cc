"""What every runner must do. A back-end's tests subclass `RunnerContract` and give a `runner` fixture."""

from __future__ import annotations

import shlex
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from scheduler.runners.base import (
    LaunchRefused,
    LaunchSpec,
    Observation,
    Phase,
    Runner,
    RunnerError,
    Service,
    StopReason,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STAND_IN = Path(__file__).resolve().parents[1] / "service_stand_in.py"
ENDED = (Phase.EXITED, Phase.LOST)


def make_spec(
    folder: Path,
    command: str,
    *,
    run: str | None = None,
    attempt: int = 1,
    env: Mapping[str, str] | None = None,
    repository: Path | None = None,
    commit: str | None = None,
) -> LaunchSpec:
    """A launch whose log and outputs lie in `folder`."""
    run = run or uuid.uuid4().hex
    outputs = folder / "outputs" / run
    complete = {"POLYAXON_RUN_OUTPUTS_PATH": str(outputs), **(env or {})}
    log = folder / "logs" / run
    return LaunchSpec(run, attempt, command, complete, repository, commit, log, outputs)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def wait_end(runner: Runner, spec: LaunchSpec, seconds: float = 60.0) -> Observation:
    """Wait until the attempt has ended."""
    wait_for(lambda: runner.observe(spec.run, spec.attempt).phase in ENDED, "the end", seconds)
    return runner.observe(spec.run, spec.attempt)


def wait_running(runner: Runner, spec: LaunchSpec, seconds: float = 60.0) -> None:
    """Wait until the attempt runs."""
    wait_for(lambda: runner.observe(spec.run, spec.attempt).phase == Phase.RUNNING, "running", seconds)


def log_texts(spec: LaunchSpec) -> list[str]:
    """The log's lines without their times."""
    if not spec.log_path.exists():
        return []
    return [line.partition(" UTC -- ")[2] for line in spec.log_path.read_text().split("\n")[:-1]]


def wait_log(spec: LaunchSpec, text: str) -> None:
    """Wait until the log holds a line."""
    wait_for(lambda: text in log_texts(spec), f"{text!r} in the log")


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A bare repository with one commit."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.sh").write_text("echo trained\n")
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q", "-b", "master"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=source, check=True)
    bare = tmp_path / "project.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(source), str(bare)], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=bare, check=True, capture_output=True, text=True)
    return bare, head.stdout.strip()


class RunnerContract:
    """The behaviour that the scheduler relies on. A back-end says how it is launched and where its logs are."""

    seconds = 60.0  # that a short run may take
    resolution = timedelta(0)  # of the times that are told, which are cut off to it

    def spec(self, folder: Path, command: str, **more: Any) -> LaunchSpec:
        """A launch of the back-end."""
        return make_spec(folder, command, **more)

    def logs(self, spec: LaunchSpec) -> list[str]:
        """Lines of the run's output."""
        return log_texts(spec)

    def wait_log(self, spec: LaunchSpec, text: str) -> None:
        """Wait until the log holds a line."""
        wait_for(lambda: text in self.logs(spec), f"{text!r} in the log", self.seconds)

    def outputs(self, spec: LaunchSpec) -> Path:
        """The run's outputs as this machine sees them."""
        return spec.outputs_path

    def test_an_attempt_never_submitted_is_absent(self, runner: Runner) -> None:
        assert runner.observe(uuid.uuid4().hex, 1) == Observation(Phase.ABSENT)
        assert runner.active() == []

    def test_a_run_succeeds_with_its_times_and_its_output(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "echo out; echo err >&2")
        before = datetime.now(UTC)
        runner.submit(spec)
        end = wait_end(runner, spec, self.seconds)
        assert (end.phase, end.exit_code, end.signal, end.stop_reason) == (Phase.EXITED, 0, None, None)
        assert end.message is None
        assert end.started_at is not None
        assert end.finished_at is not None
        slack = timedelta(milliseconds=50)
        assert before - slack - self.resolution <= end.started_at <= end.finished_at <= datetime.now(UTC) + slack
        assert self.logs(spec) == ["out", "err"]

    @pytest.mark.parametrize(
        ("command", "status", "words"),
        [
            ("exit 1", (1, None), "exit code 1"),
            ("exit 255", (255, None), "exit code 255"),
            ("no-such-command-here", (127, None), "command not found (exit code 127)"),
            ("touch f; chmod -x f; ./f", (126, None), "not executable (exit code 126)"),
            ("kill -KILL $$", (None, 9), "killed by SIGKILL (out of memory, or ended from outside)"),
            ("kill -SEGV $$", (None, 11), "killed by SIGSEGV (invalid memory access in native code)"),
            ("bash -c 'kill -9 $$'; exit $?", (137, None), "exit code 137: killed by SIGKILL (out of"),
        ],
    )
    def test_an_end_is_told_in_words(
        self, runner: Runner, tmp_path: Path, command: str, status: tuple[int | None, int | None], words: str
    ) -> None:
        spec = self.spec(tmp_path, command)
        runner.submit(spec)
        end = wait_end(runner, spec, self.seconds)
        assert (end.phase, end.exit_code, end.signal) == (Phase.EXITED, *status)
        assert end.message is not None
        assert end.message.startswith(words)

    def test_the_command_sees_its_environment_and_code(
        self, runner: Runner, tmp_path: Path, repository: tuple[Path, str]
    ) -> None:
        env = {"POLYAXON_PARAMS": '{"lr": 0.1}', "POLYAXON_LOG_LEVEL": "ünï"}
        show, save = 'echo "$POLYAXON_PARAMS $POLYAXON_LOG_LEVEL"', 'echo x > "$POLYAXON_RUN_OUTPUTS_PATH/y"'
        command = f"bash train.sh; {show}; {save}"
        spec = self.spec(tmp_path, command, env=env, repository=repository[0], commit=repository[1])
        runner.submit(spec)
        assert wait_end(runner, spec, self.seconds).exit_code == 0
        assert self.logs(spec) == ["trained", '{"lr": 0.1} ünï']
        assert (self.outputs(spec) / "y").read_text() == "x\n"

    def test_the_command_is_text_for_bash_as_it_is(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "echo \"$((1 + 1))\" 'a  b' \\\n  c; echo ${BASH_VERSION:+bash}\necho {1..3}")
        runner.submit(spec)
        wait_end(runner, spec, self.seconds)
        assert self.logs(spec) == ["2 a  b c", "bash", "1 2 3"]

    def test_submitting_again_starts_nothing(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, 'echo begun >> "$POLYAXON_RUN_OUTPUTS_PATH/count"; sleep 0.3')
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(runner.submit, [spec] * 8))
        wait_end(runner, spec, self.seconds)
        runner.submit(spec)
        assert wait_end(runner, spec, self.seconds).exit_code == 0
        assert (self.outputs(spec) / "count").read_text() == "begun\n"

    def test_a_new_attempt_runs_anew(self, runner: Runner, tmp_path: Path) -> None:
        first = self.spec(tmp_path, "echo first; exit 1")
        runner.submit(first)
        wait_end(runner, first, self.seconds)
        second = self.spec(tmp_path, "echo second", run=first.run, attempt=2)
        runner.submit(second)
        assert wait_end(runner, second, self.seconds).exit_code == 0
        assert runner.observe(first.run, 1).exit_code == 1
        assert self.logs(second) == ["first", "second"]

    def test_a_stop_is_heard_by_the_command(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "trap 'echo saving; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        runner.submit(spec)
        self.wait_log(spec, "ready")
        runner.stop(spec.run, 1, StopReason.USER, 10)
        end = wait_end(runner, spec, self.seconds)
        assert (end.phase, end.exit_code, end.stop_reason) == (Phase.EXITED, 0, StopReason.USER)
        assert end.message == "stopped on request"
        assert "saving" in self.logs(spec)

    def test_a_command_that_ignores_the_stop_is_killed(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
        runner.submit(spec)
        self.wait_log(spec, "ready")
        asked = time.monotonic()
        runner.stop(spec.run, 1, StopReason.USER, 0.5)
        end = wait_end(runner, spec, self.seconds)
        assert 0.4 < time.monotonic() - asked < self.seconds
        assert (end.signal, end.stop_reason) == (9, StopReason.USER)
        assert end.message is not None
        assert "grace period" in end.message

    def test_a_second_stop_keeps_the_reason_and_may_hurry(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
        runner.submit(spec)
        self.wait_log(spec, "ready")
        runner.stop(spec.run, 1, StopReason.USER, 600)
        time.sleep(0.4)
        runner.stop(spec.run, 1, StopReason.SHUTDOWN, 0)
        assert wait_end(runner, spec, self.seconds).stop_reason == StopReason.USER

    def test_an_attempt_stopped_before_its_launch_never_begins(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "echo begun")
        runner.stop(spec.run, 1, StopReason.USER, 5)
        runner.submit(spec)
        end = wait_end(runner, spec, self.seconds)
        assert (end.phase, end.stop_reason, end.started_at) == (Phase.EXITED, StopReason.USER, None)
        assert end.message == "stopped on request, before the command began"
        assert self.logs(spec) == []

    def test_stopping_what_has_ended_changes_nothing(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "exit 3")
        runner.submit(spec)
        end = wait_end(runner, spec, self.seconds)
        runner.stop(spec.run, 1, StopReason.USER, 0)
        assert runner.observe(spec.run, 1) == end

    def test_usage_covers_all_processes(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "(while :; do :; done) & echo ready; sleep 300")
        runner.submit(spec)
        self.wait_log(spec, "ready")
        runner.usage(spec.run, 1)
        deadline = time.monotonic() + self.seconds
        while True:
            time.sleep(0.6)
            before = datetime.now(UTC)
            usage = runner.usage(spec.run, 1)
            assert usage is not None
            # On a busy machine the loop may have had no turn.
            if usage.cpu_percent > 5 or time.monotonic() > deadline:
                break
        assert usage.processes >= 2
        assert usage.memory_bytes > 1_000_000
        assert 5 < usage.cpu_percent < 150
        slack = timedelta(milliseconds=50)
        assert before - slack <= usage.sampled_at <= datetime.now(UTC) + slack
        runner.stop(spec.run, 1, StopReason.USER, 0)
        wait_end(runner, spec, self.seconds)
        assert runner.usage(spec.run, 1) is None

    def test_active_and_clean(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "sleep 300")
        runner.submit(spec)
        wait_running(runner, spec, self.seconds)
        assert runner.active() == [spec.run]
        with pytest.raises(RunnerError, match="still alive"):
            runner.clean(spec.run)
        runner.stop(spec.run, 1, StopReason.USER, 1)
        wait_end(runner, spec, self.seconds)
        assert runner.active() == []
        runner.clean(spec.run)
        runner.clean(spec.run)
        found = runner.observe(spec.run, 1)
        assert found.phase == Phase.ABSENT, found
        assert spec.log_path.parent.is_dir()

    def test_many_are_cleaned_at_once_but_for_those_that_live(self, runner: Runner, tmp_path: Path) -> None:
        specs = [self.spec(tmp_path, command) for command in ("true", "exit 3", "sleep 300")]
        for spec in specs:
            runner.submit(spec)
        for spec in specs[:2]:
            wait_end(runner, spec, self.seconds)
        wait_running(runner, specs[2], self.seconds)
        runs, ended, cleaned = [spec.run for spec in specs], {spec.run for spec in specs[:2]}, set[str]()

        def is_clean() -> bool:  # what belongs to a command may end a moment later
            cleaned.update(runner.clean_all(runs))
            return cleaned >= ended

        wait_for(is_clean, "nothing left", self.seconds)
        assert cleaned == ended
        assert runner.kept() == [specs[2].run]
        assert {runner.observe(spec.run, 1).phase for spec in specs[:2]} == {Phase.ABSENT}
        assert runner.observe(specs[2].run, 1).phase == Phase.RUNNING
        assert runner.clean_all(sorted(ended)) == ended

    @pytest.mark.parametrize("command", ["echo a\0b", "x"])
    def test_a_launch_that_can_never_work_is_refused(
        self, runner: Runner, tmp_path: Path, repository: tuple[Path, str], command: str
    ) -> None:
        spec = self.spec(tmp_path, command, repository=repository[0], commit="0" * 40)
        with pytest.raises(LaunchRefused):
            runner.submit(spec)
        found = runner.observe(spec.run, 1)
        assert found.phase == Phase.ABSENT, found

    def test_twenty_runs_at_once(self, runner: Runner, tmp_path: Path) -> None:
        specs = [self.spec(tmp_path, f"echo run {number}; exit {number % 3}") for number in range(20)]
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(runner.submit, specs))
        ends = [wait_end(runner, spec, 2 * self.seconds) for spec in specs]
        assert [end.exit_code for end in ends] == [number % 3 for number in range(20)]
        assert [self.logs(spec) for spec in specs] == [[f"run {number}"] for number in range(20)]


class ServiceContract:
    """What every runner does for notebooks and tensorboards."""

    seconds = 60.0

    def spec(self, folder: Path, command: str, **more: Any) -> LaunchSpec:
        """A launch of the back-end; `command` starts the stand-in."""
        return replace(make_spec(folder, command, env=self.env(**more)), service=self.service())

    def service(self) -> Service:
        """Of every launch here."""
        return Service(8888, "/notebook/proxy/x/", "/notebook/proxy/x/api")

    def env(self, **more: str) -> dict[str, str]:
        """As the scheduler gives it."""
        told = {"POLYAXON_SERVICE_HOST": "0.0.0.0", "POLYAXON_SERVICE_PORT": "8888"}
        return {**told, "POLYAXON_SERVICE_PATH": self.service().path, **more}

    def command(self) -> str:
        """Of the stand-in."""
        return f"exec python3 {shlex.quote(str(STAND_IN))}"

    def wait_ready(self, runner: Runner, spec: LaunchSpec) -> str:
        """Its address, once it answers."""
        wait_for(lambda: runner.observe(spec.run, spec.attempt).is_ready, "ready", self.seconds)
        address = runner.address(spec.run, spec.attempt)
        assert address is not None
        return address

    def test_a_service_is_ready_once_it_answers_and_gone_once_stopped(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, self.command(), START_AFTER="10")
        runner.submit(spec)
        wait_for(lambda: runner.observe(spec.run, 1).phase is Phase.RUNNING, "running", self.seconds)
        assert not runner.observe(spec.run, 1).is_ready
        address = self.wait_ready(runner, spec)
        answer = httpx.get(f"http://{address}{self.service().path}here", timeout=60, trust_env=False).json()
        assert answer["path"] == f"{self.service().path}here"
        runner.stop(spec.run, 1, StopReason.USER, 2)
        ended = wait_end(runner, spec, self.seconds)
        assert (ended.phase, ended.stop_reason, ended.is_ready) == (Phase.EXITED, StopReason.USER, False)
        wait_for(lambda: not answers(address), "no answer", self.seconds)
        runner.clean(spec.run)
        wait_for(lambda: runner.address(spec.run, 1) is None, "no address", self.seconds)
        assert runner.kept() == []

    def test_one_that_ends_by_itself_has_ended(self, runner: Runner, tmp_path: Path) -> None:
        spec = self.spec(tmp_path, "echo no licence; exit 3")
        runner.submit(spec)
        ended = wait_end(runner, spec, self.seconds)
        assert (ended.phase, ended.exit_code, ended.is_ready) == (Phase.EXITED, 3, False)

    def test_two_services_at_once_have_addresses_of_their_own(self, runner: Runner, tmp_path: Path) -> None:
        specs = [self.spec(tmp_path, self.command(), MINE=str(number)) for number in range(2)]
        for spec in specs:
            runner.submit(spec)
        addresses = {self.wait_ready(runner, spec) for spec in specs}
        assert len(addresses) == 2
        for spec in specs:
            runner.stop(spec.run, 1, StopReason.USER, 1)
            wait_end(runner, spec, self.seconds)

    def test_what_serves_nothing_has_no_address(self, runner: Runner) -> None:
        assert runner.address(uuid.uuid4().hex, 1) is None


def answers(address: str) -> bool:
    """Whether somebody listens there."""
    try:
        httpx.get(f"http://{address}/", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return True
