"""What every service has in common: a folder, an account, processes, a readiness check, an end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scripts import processes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

HOST = "127.0.0.1"
TAIL_LINES = 25
ATTEMPTS = 3


class ServiceError(RuntimeError):
    """A service that cannot be started; the message holds the end of its log."""


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


class Service(ABC):
    """One server process (and its helpers) with its data in one folder that goes away at the end.

    `start`/`stop` may be repeated: port and data stay. The context manager starts, then stops and removes.
    Start it from a thread that lives as long as the service: its processes die with that thread.
    """

    name: ClassVar[str]
    account: ClassVar[str]
    """System account that runs the processes when root starts them."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    ready_timeout: ClassVar[float] = 60

    def __init__(self, parent: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"polyaxon-{self.name}-", dir=parent))
        self._owner = _account(self.account)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._was_ready = False
        self.own(self.folder)

    @property
    @abstractmethod
    def url(self) -> str:
        """Address with credentials, as clients take it."""

    @abstractmethod
    def choose_ports(self) -> None:
        """Pick the ports of a start; called again when another process was faster."""

    @abstractmethod
    def prepare(self) -> None:
        """Write configuration and data before the processes start."""

    @abstractmethod
    def spawn(self) -> None:
        """Start the processes with `run_process`; the server itself is the last one."""

    @abstractmethod
    def probe(self) -> None:
        """Return if a client can work with this very service; raise any exception if not (yet)."""

    @property
    def log_path(self) -> Path:
        """Where everything that the processes print goes."""
        return self.folder / "output.log"

    @property
    def pids(self) -> list[int]:
        """Process ids of the running processes."""
        return [process.pid for process in self._processes if process.poll() is None]

    def start(self) -> None:
        """Start and wait until clients can work; `ServiceError` with the log's end otherwise."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting."""
        if not self._was_ready:
            self.choose_ports()
        self.prepare()
        self.spawn()

    def wait_ready(self) -> None:
        """Wait for a launched service. A first start that dies is repeated on other ports."""
        attempts = 1 if self._was_ready else ATTEMPTS
        for attempt in range(1, attempts + 1):
            problem = self._await_probe()
            if problem is None:
                self._was_ready = True
                return
            died = not self._alive()
            self.stop()
            if attempt == attempts or not died:
                raise ServiceError(f"{self.name}: {problem}\n{self.log_tail()}")
            self.launch()

    def stop(self) -> None:
        """End the processes and keep the data."""
        self._end_all(self.stop_signal)

    def kill(self) -> None:
        """End the processes as a crash would, and keep the data."""
        self._end_all(signal.SIGKILL)

    def remove(self) -> None:
        """End the processes and remove the data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def log_tail(self) -> str:
        """The last lines that the processes printed."""
        if not self.log_path.exists():
            return "(no output)"
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:]) or "(no output)"

    def own(self, path: Path) -> None:
        """Hand `path` to the account that runs the processes."""
        if self._owner is not None:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def run_process(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start one process of the service."""
        with self.log_path.open("ab") as log:
            self._processes.append(
                processes.start(
                    command,
                    on_death=self.stop_signal,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env=self._environment(env),
                    **self._credentials(),
                )
            )

    def run_tool(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Run a tool to its end; `ServiceError` with its output if it fails."""
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self._environment(env),
            **self._credentials(),
        )
        if done.returncode != 0:
            raise ServiceError(f"{self.name}: {command[0]} failed\n{done.stdout}{done.stderr}")

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        # Nothing of the caller's: a PGHOST or RABBITMQ_* of a person must not steer a test's service.
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
        return {**base, "HOME": str(self.folder), **(extra or {})}

    def _credentials(self) -> dict[str, Any]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def _await_probe(self) -> str | None:
        deadline = time.monotonic() + self.ready_timeout
        while True:
            try:
                self.probe()
            except Exception as error:
                last = f"{type(error).__name__}: {error}".strip()
            else:
                return None
            if not self._alive():
                return "ended before it was ready"
            if time.monotonic() > deadline:
                return f"not ready after {self.ready_timeout:.0f} s ({last})"
            time.sleep(0.1)

    def _end_all(self, first: signal.Signals) -> None:
        while self._processes:
            processes.end(self._processes[-1], first=first)
            self._processes.pop()


def _account(name: str) -> pwd.struct_passwd | None:
    """The account to change to: None unless root starts the service."""
    return pwd.getpwnam(name) if os.geteuid() == 0 else None
