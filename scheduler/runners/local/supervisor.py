"""The life of one attempt: start the command, copy its output, end it when asked, write down how it ended."""

# Part of the supervisor, which leaves out pathlib to start fast.
# ruff: noqa: PTH116, PTH118
from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import time

from scheduler.runners.local.files import (
    BEGUN,
    CHILD,
    EXIT,
    STOP,
    create_synced,
    read_json,
    scrub,
    sync_folder,
    utc_now,
    write_json,
)
from scheduler.runners.local.processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    descendants,
    identity,
    prctl,
    send,
)
from scheduler.runners.local.runlog import RunLog

SHELL = "/bin/bash"
CHUNK = 64 * 1024
POLL, CLOSING_POLL = 200, 50  # milliseconds
LINGER = 0.5  # seconds left-over processes get to end by themselves, e.g. a `tee`
LONGEST_LINGER = 5.0  # seconds for those that still write: so long, and no longer, each piece is waited for anew
LEFTOVER_GRACE = 2.0
SHUTDOWN_GRACE = 10.0
UNKILLABLE = 10.0  # seconds after SIGKILL before a process stuck in the kernel is given up
NOT_STARTED = 126  # the shell's own code for a command that cannot be invoked


class Supervisor:
    """Starts the command, copies its output, ends it when asked, and writes down how it ended."""

    def __init__(self, folder: str, launch: dict[str, object]) -> None:
        self.folder = folder
        self.launch = launch
        self.pid = 0
        self.output = -1
        self.status: int | None = None
        self.childless = False
        self.started_at: str | None = None
        self.finished_at: str | None = None
        self.stop_reason: str | None = None
        self.error: str | None = None
        self.shutdown = False
        self.term_at = self.kill_at = math.inf
        self._lingers_until = 0.0
        self._stop_seen: tuple[int, int] | None = None
        self._log: RunLog | None = None
        self._poller = select.poll()
        self._wakeup = self._listen()

    def path(self, name: str) -> str:
        """A file of the state folder."""
        return os.path.join(self.folder, name)

    def run(self) -> None:
        """From the first look at the state folder to the written end."""
        self._consider_stop()
        if self.stop_reason is None:
            self._begin()
        if self.pid:
            self._supervise()
        self._finish()

    # -- start --

    def _listen(self) -> int:
        """Have signals wake the poll."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_shutdown)
        self._poller.register(reader, select.POLLIN)
        return reader

    def _on_shutdown(self, *_: object) -> None:
        self.shutdown = True

    def _begin(self) -> None:
        """Start the command. A cause that the run's owner can mend becomes its end, not the supervisor's."""
        try:
            self._log = RunLog(str(self.launch["log_path"]))
            prctl(PR_SET_CHILD_SUBREAPER, 1)
            self.started_at = utc_now()
            create_synced(self.path(BEGUN), self.started_at, os.O_EXCL)
            sync_folder(self.folder)
            self._spawn()
        except OSError as error:
            self.error = f"the command could not be started: {error.strerror or error}" + (
                f" ({error.filename})" if error.filename else ""
            )

    def _spawn(self) -> None:
        output, child_output = os.pipe()
        report, child_report = os.pipe()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_command(supervisor, child_output, child_report)
        os.close(child_output)
        os.close(child_report)
        failure = os.read(report, 1000).decode(errors="replace")  # empty once exec has closed the pipe
        os.close(report)
        if failure:
            os.waitpid(pid, 0)
            raise OSError(failure)
        self.pid, self.output = pid, output
        os.set_blocking(output, False)
        self._poller.register(output, select.POLLIN)
        with contextlib.suppress(OSError):  # a full disk must not end the run; `_finish` scrubs again
            write_json(self.path(CHILD), identity(pid))
            scrub(self.folder)

    def _become_command(self, supervisor: int, output: int, report: int) -> None:
        """The child's side of the fork: become the command, or say why not."""
        try:
            os.setsid()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(NOT_STARTED)  # it died before the line above took effect
            # Python ignores SIGPIPE, and an ignored signal stays ignored in the command.
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            os.chdir(str(self.launch["work"]))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            env = self.launch["env"]
            assert isinstance(env, dict)
            os.execve(SHELL, ["bash", "-c", str(self.launch["command"])], env)  # noqa: S606  (the shell itself)
        except BaseException as error:  # noqa: BLE001  (a forked child must never go on as its parent)
            os.write(report, str(error).encode())
        os._exit(NOT_STARTED)

    # -- while it runs --

    def _supervise(self) -> None:
        while not self._over():
            closing = min(self.term_at, self.kill_at) < math.inf
            self._pump(CLOSING_POLL if closing else POLL)
            self._reap()
            self._consider_stop()
            self._escalate()
        self._drain()

    def _over(self) -> bool:
        return self.status is not None and (self.childless or time.monotonic() > self.kill_at + UNKILLABLE)

    def _pump(self, timeout: int) -> None:
        for fd, _ in self._poller.poll(timeout):
            if fd == self._wakeup:
                os.read(fd, 512)
            else:
                self._copy()
        if self._log:
            self._log.tick()

    def _copy(self) -> bool:
        """Copy one chunk of output; whether there was any."""
        try:
            data = os.read(self.output, CHUNK)
        except BlockingIOError:
            return False
        if data and self._log:
            self._log.feed(data)
            self._linger()
        elif not data:
            self._poller.unregister(self.output)
            os.close(self.output)
            self.output = -1
        return bool(data)

    def _drain(self) -> None:
        """Read what is in the pipe, but do not wait for somebody else who still holds it."""
        deadline = time.monotonic() + LEFTOVER_GRACE
        while self.output >= 0 and time.monotonic() < deadline and self._copy():
            pass

    def _reap(self) -> None:
        """Collect ended children: the command, and orphans of it that came to us as their subreaper."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if pid == 0:
                return
            if pid == self.pid:
                self._command_ended(status)

    def _command_ended(self, status: int) -> None:
        self.status = status
        self.finished_at = utc_now()
        if self.stop_reason is None:
            self._lingers_until = time.monotonic() + LONGEST_LINGER
            self._linger()

    def _linger(self) -> None:
        """Give those that the command left behind a moment more, if it is over and they have some left."""
        now = time.monotonic()
        if now < self._lingers_until:
            self.term_at = now + LINGER
            self.kill_at = self.term_at + LEFTOVER_GRACE

    # -- ending it --

    def _consider_stop(self) -> None:
        request = self._read_stop()
        if request is None and self.shutdown:
            request, self.shutdown = ("shutdown", SHUTDOWN_GRACE), False
        if request is None:
            return
        reason, grace = request
        now, self._lingers_until = time.monotonic(), 0.0
        if self.stop_reason is None:
            self.term_at = min(self.term_at, now)
        if self.status is None:  # else the command ended by itself, and only its left-overs are hurried
            self.stop_reason = self.stop_reason or reason
        self.kill_at = min(self.kill_at, now + grace)

    def _read_stop(self) -> tuple[str, float] | None:
        """The request in stop.json, each version of it once."""
        try:
            stat = os.stat(self.path(STOP))
        except FileNotFoundError:
            return None
        if self._stop_seen == (stat.st_ino, stat.st_mtime_ns):
            return None
        self._stop_seen = stat.st_ino, stat.st_mtime_ns
        request = read_json(self.path(STOP)) or {}
        grace = request.get("grace")
        return str(request.get("reason")), grace if isinstance(grace, (int, float)) else SHUTDOWN_GRACE

    def _escalate(self) -> None:
        now = time.monotonic()
        if now >= self.term_at:
            self.term_at, self._lingers_until = math.inf, 0.0
            self._signal_all(signal.SIGTERM)
            self._signal_all(signal.SIGCONT)  # a stopped process would not hear the first
        if now >= self.kill_at:
            self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        """Signal the command's group, and each process below us that has left it, once each."""
        group = self.pid if self.status is None else 0
        others = [pid for pid, its_group in descendants(os.getpid()).items() if its_group != group]
        if group:
            send(group, number, group=True)
        for pid in others:
            send(pid, number)

    # -- end --

    def _finish(self) -> None:
        if self._log:
            self._log.close()
        record: dict[str, object] = {
            **self._how(),
            "started_at": self.started_at,
            "finished_at": self.finished_at or utc_now(),
            "stop_reason": self.stop_reason,
            "error": self.error,
        }
        with contextlib.suppress(OSError):
            scrub(self.folder)
        self._persist(record)  # last: whoever reads it may remove the folder

    def _how(self) -> dict[str, object]:
        if self.status is None:
            return {"exit_code": NOT_STARTED if self.error else None, "signal": None}
        code = os.waitstatus_to_exitcode(self.status)
        return {"exit_code": code, "signal": None} if code >= 0 else {"exit_code": None, "signal": -code}

    def _persist(self, record: dict[str, object]) -> None:
        """Write the end down; a full disk is waited for, because a lost end would look like a crash."""
        for _ in range(600):
            try:
                return write_json(self.path(EXIT), record)
            except FileNotFoundError:
                return None  # the state folder was removed: nobody asks any more
            except OSError:
                time.sleep(1)
        return None
