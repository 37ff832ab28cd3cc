"""Runs as processes of this machine.

    <root>/<run>/work        the code at the run's commit; it appears complete or not at all
    <root>/<run>/<attempt>   state folder of an attempt, shared with its supervisor (see `files`)

The server may be killed at any moment: a supervisor lives on without it, and what is on disk tells the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shutil
import stat
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from polyaxon.stores.errors import RepoError
from polyaxon.stores.repos import InternalRepo
from scheduler.runners.base import (
    Closing,
    LaunchRefused,
    LaunchSpec,
    Observation,
    Runner,
    RunnerError,
    StopReason,
    Usage,
)
from scheduler.runners.local import files, service, shim
from scheduler.runners.local.state import MARK, AttemptState
from scheduler.runners.local.usage import UsageSampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_TIMEOUT = 30.0  # seconds; a supervisor takes a few hundredths of one
KILL_MARGIN = 15.0  # seconds that a supervisor may need after the grace, for processes stuck in the kernel

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a command gets of the server's own environment; everything else there may be a secret of the server.
PASSED_ON = (
    "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
)  # fmt: skip

_RUN = re.compile(r"[0-9a-f]{32}")


class LocalRunner(Runner):
    """Starts each run as a process group of this machine, under `root`."""

    def __init__(self, root: Path, *, python_path: Sequence[Path | str] = ()) -> None:
        """`python_path`: folders put before the server's own PATH, for commands to find their Python."""
        if sys.platform != "linux":
            raise RunnerError(f"the local runner needs Linux; this is {sys.platform}")
        self.root = root.absolute()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._python_path = [str(entry) for entry in python_path]
        self._sampler = UsageSampler()
        self._gate = threading.Condition()
        self._starting = 0  # supervisors that are being started this moment
        self._closing = False
        for trash in self.root.glob(".*.trash"):  # a clean that was cut short
            _remove(trash)

    def submit(self, spec: LaunchSpec) -> None:
        """See `Runner.submit`. When it returns, the attempt's supervisor lives, or the attempt has ended."""
        _check(spec)
        state = self._state(spec.run, spec.attempt)
        try:
            with self._submitting(spec.run):
                self._start_once(spec, state)
                if state.has_begun() or state.has_exited():
                    state.scrub()
        except OSError as error:
            raise RunnerError(f"run {spec.run}: could not be started: {error}") from error

    def observe(self, run: str, attempt: int) -> Observation:
        """See `Runner.observe`."""
        return self._state(run, attempt).observe()

    def address(self, run: str, attempt: int) -> str | None:
        """See `Runner.address`."""
        found = service.endpoint_of(self._state(run, attempt).folder)
        return found.address if found else None

    def stop(self, run: str, attempt: int, reason: StopReason, grace: float) -> None:
        """See `Runner.stop`. Also keeps an attempt that was never submitted from beginning later."""
        state = self._state(run, attempt)
        if not state.has_exited():
            state.request_stop(reason, grace)

    def usage(self, run: str, attempt: int) -> Usage | None:
        """See `Runner.usage`. Several servers each see the time since their own last sample."""
        state = self._state(run, attempt)
        supervisor = state.supervisor_pid() if state.is_live() else None
        sample = self._sampler.sample(state.mark, supervisor) if supervisor else None
        if sample is None:
            self._sampler.forget(state.mark)
        return sample

    def clean(self, run: str) -> None:
        """See `Runner.clean`. Nothing kept is fine."""
        folder = self._folder(run)
        if not folder.exists():
            return
        with self._submitting(run):
            for state in self._attempts(run):
                if not state.is_over():
                    raise RunnerError(f"run {run}: it is still alive and cannot be cleaned; stop it first")
                self._sampler.forget(state.mark)
            trash = self.root / f".{uuid.uuid4().hex}.trash"
            folder.rename(trash)
        _remove(trash)

    def discard(self, run: str, grace: float) -> None:
        """See `Runner.discard`."""
        alive = [state for state in self._attempts(run) if state.is_live()]
        for state in alive:
            state.request_stop(StopReason.USER, grace)
        if not alive:
            self.clean(run)

    def kept(self) -> list[str]:
        """See `Runner.kept`."""
        return sorted(folder.name for folder in self.root.iterdir() if _RUN.fullmatch(folder.name))

    def active(self) -> list[str]:
        """See `Runner.active`."""
        return sorted({state.folder.parent.name for state in self._unfinished()})

    def shutdown(self, grace: float, reason: StopReason = StopReason.SHUTDOWN) -> list[str]:
        """Stop everything at once and wait for it; gives the runs that still live, normally none.

        Takes at most `grace` seconds and a margin for processes that do not die. Nothing is started from now on, and
        what another thread was just starting is stopped, too. Until `reopen`.
        """
        deadline = time.monotonic() + grace + KILL_MARGIN
        with self._gate:
            self._closing = True
            self._gate.wait_for(lambda: self._starting == 0, grace + KILL_MARGIN)
        asked: set[str] = set()
        while (alive := self._stop_unfinished(asked, reason, grace)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return sorted({state.folder.parent.name for state in alive})

    def reopen(self) -> None:
        """Take launches again after a `shutdown`."""
        self._closing = False

    def _stop_unfinished(self, asked: set[str], reason: StopReason, grace: float) -> list[AttemptState]:
        """Ask each that was not asked yet; gives those that live."""
        unfinished = [state for state in self._unfinished() if state.is_live() or not state.has_begun()]
        for state in unfinished:
            if state.mark not in asked:
                state.request_stop(reason, grace)
                asked.add(state.mark)
        return [state for state in unfinished if state.is_live()]

    # -- start --

    def _start_once(self, spec: LaunchSpec, state: AttemptState) -> None:
        if state.has_begun() or state.has_exited() or state.is_live():
            return
        env = self._environment(spec) | {MARK: state.mark}
        if spec.service is not None:
            service.check_program(spec.service, env)
        spec.outputs_path.mkdir(parents=True, exist_ok=True)
        work = self._work_tree(spec)
        with self._open(spec.run):
            if spec.service is not None:
                env |= service.reserve(state.folder, spec.service).env
            state.launch(
                {"command": spec.command, "work": str(work), "log_path": str(spec.log_path.absolute()), "env": env}
            )
            self._start_supervisor(state)

    @contextlib.contextmanager
    def _open(self, run: str) -> Iterator[None]:
        """Have a shutdown wait for the end of the block. Asked late, because writing out the code may take long."""
        with self._gate:
            if self._closing:
                raise Closing(f"run {run}: the server is ending and starts nothing any more")
            self._starting += 1
        try:
            yield
        finally:
            with self._gate:
                self._starting -= 1
                self._gate.notify_all()

    def _work_tree(self, spec: LaunchSpec) -> Path:
        """The run's folder of code, made by its first attempt."""
        folder = self._folder(spec.run)
        work = folder / "work"
        if work.is_dir():
            return work
        for partial in folder.glob(".*.part"):  # an export that was cut short
            _remove(partial)
        if spec.repository is None or spec.commit is None:
            work.mkdir()
        else:
            _export(spec.repository, spec.commit, work)
        return work

    def _environment(self, spec: LaunchSpec) -> dict[str, str]:
        base = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        base.setdefault("LANG", "C.UTF-8")
        base["PATH"] = os.pathsep.join([*self._python_path, os.environ.get("PATH") or DEFAULT_PATH])
        base["PYTHONUNBUFFERED"] = "1"  # output is shown while the run goes on
        return base | dict(spec.env)

    def _start_supervisor(self, state: AttemptState) -> None:
        """Start it in a session of its own; it detaches itself: its first process ends when it is ready."""
        complaints = state.folder / files.SHIM_LOG
        with complaints.open("ab") as stderr:
            starter = subprocess.Popen(  # noqa: S603  (our own program, nothing from outside)
                [sys.executable, "-I", "-S", str(Path(shim.__file__)), str(state.folder)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                cwd="/", env={"PATH": DEFAULT_PATH, "LANG": "C.UTF-8"}, start_new_session=True,
            )  # fmt: skip
        if not _ends_within(starter.pid, START_TIMEOUT):
            starter.kill()
        code = starter.wait()
        if code != 0:
            last = complaints.read_text(errors="replace").strip().rpartition("\n")[2]
            raise RunnerError(f"run {state.mark}: its supervisor did not start: {last or f'exit code {code}'}")

    # -- folders --

    def _folder(self, run: str) -> Path:
        if not _RUN.fullmatch(run):
            raise LaunchRefused(f"run {run[:64]!r}: 32 hexadecimal digits are expected")
        return self.root / run

    def _state(self, run: str, attempt: int) -> AttemptState:
        return AttemptState(self._folder(run), attempt)

    def _attempts(self, run: str) -> list[AttemptState]:
        names = [entry.name for entry in self._folder(run).iterdir() if entry.name.isdigit()]
        return [self._state(run, int(name)) for name in names]

    def _unfinished(self) -> list[AttemptState]:
        """Attempts that were launched and whose end is not written down."""
        states: list[AttemptState] = []
        for folder in self.root.iterdir():
            if _RUN.fullmatch(folder.name):
                with contextlib.suppress(FileNotFoundError):  # cleaned meanwhile
                    states += self._attempts(folder.name)
        return [state for state in states if state.is_unfinished()]

    @contextlib.contextmanager
    def _submitting(self, run: str) -> Iterator[None]:
        """Keep other submits and cleans of this run waiting, in this process and in others."""
        folder = self._folder(run)
        fd = _lock_in(folder)
        try:
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)


def _lock_in(folder: Path) -> int:
    path = folder / "submit.lock"
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # cleaned this very moment
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(fd).st_ino:
                return fd
        os.close(fd)  # a clean took the folder away while we waited


def _ends_within(pid: int, seconds: float) -> bool:
    """Wait for a child to end, without collecting it; `Popen.wait` with a timeout looks only now and then."""
    fd = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(seconds * 1000))
    finally:
        os.close(fd)


def _check(spec: LaunchSpec) -> None:
    if spec.attempt < 1:
        raise LaunchRefused(f"run {spec.run}: attempts count from 1, not {spec.attempt}")
    if "\0" in spec.command:
        raise LaunchRefused(f"run {spec.run}: the command holds a NUL character; remove it")
    for name, value in spec.env.items():
        if not name or "=" in name or "\0" in name + value:
            raise LaunchRefused(f"run {spec.run}: {name!r} cannot be an environment variable")


def _export(repository: Path, commit: str, work: Path) -> None:
    repo = InternalRepo(repository)
    if not repo.contains(commit):
        raise LaunchRefused(f"code: commit {commit[:40]!r} is not in the project's repository; upload again")
    try:
        repo.export(commit, work)
    except RepoError as error:
        raise RunnerError(f"code: commit {commit[:40]} could not be written out: {error}") from error


def _remove(folder: Path) -> None:
    """Remove a tree, also where a run has taken away its own right to write. None there is fine."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        _permit(folder)
        shutil.rmtree(folder)


def _permit(folder: Path) -> None:
    folder.chmod(stat.S_IRWXU)
    for parent, names, _ in os.walk(folder):  # top down: a folder is read only after this
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                path.chmod(stat.S_IRWXU)
