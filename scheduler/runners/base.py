"""What a runner is: the one interface through which the scheduler starts, watches and ends runs.

A runner knows no database. It is told what to start with a `LaunchSpec`, and asked what became of it with
`observe`; everything it remembers survives the death of the server at any moment.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from scheduler.runners.kubernetes.spec import ClusterSpec


class RunnerError(Exception):
    """The runner could not do what it was asked now; asking again later may help."""


class LaunchRefused(RunnerError):
    """This launch can never work (bad command, unknown commit); asking again does not help."""


class Closing(RunnerError):
    """This server is about to end and starts nothing any more; the next one will."""


class Phase(StrEnum):
    """Where one attempt of a run stands."""

    ABSENT = "absent"  # nothing has begun and nothing is about to: a submit is safe, and needed
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"  # begun, then vanished without an exit status; nothing of it runs any more


class StopReason(StrEnum):
    """Why a run was asked to end."""

    USER = "user"
    TIMEOUT = "timeout"  # it ran longer than its file allows
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Service:
    """What the attempt serves over HTTP while it runs. Its command finds all of it in the environment.

    `POLYAXON_SERVICE_HOST` and `_PORT` say where to listen, `_PATH` what every address begins with, slashes around it.
    """

    port: int  # on a cluster; a process of this machine gets one of its own
    path: str
    ready_path: str  # answers once requests may come
    program: str | None = None  # that the command is, and without which it need not be started
    advice: str = ""  # for whoever has not installed it


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """Everything needed to start one attempt of one run."""

    run: str  # uuid, 32 hex digits
    attempt: int  # counts from 1; a retried launch of the same attempt starts nothing twice
    command: str  # text for /bin/bash -c, passed on as it is
    # Complete POLYAXON_* environment; the runner adds only PATH and the like. Holds tokens: never shown.
    env: Mapping[str, str] = field(repr=False)
    repository: Path | None  # bare git repository; None: the run starts in an empty folder
    commit: str | None
    log_path: Path  # the run's log file
    outputs_path: Path  # as the run sees it
    cluster: ClusterSpec | None = None  # what a cluster needs to know beyond; nothing to the local runner
    service: Service | None = None  # None: nobody is to reach it


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one attempt at one moment. Times are aware, in UTC."""

    phase: Phase
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None  # number of the signal that ended the command
    stop_reason: StopReason | None = None
    # A reason a person understands, of an end or of a start that something delays; None when there is nothing to say.
    message: str | None = None
    is_ready: bool = False  # of a service that runs: whether it answers


@dataclass(frozen=True, slots=True)
class Usage:
    """A sample of what a run takes, all its processes together."""

    cpu_percent: float  # 100 is one core fully used, since the last sample (the first: since the start)
    memory_bytes: int  # resident set, summed over the processes
    processes: int
    sampled_at: datetime


Attempt = tuple[str, int]  # a run, and which of its attempts


class Runner(ABC):
    """Starts, watches and ends runs.

    Every method may be called again, late, or from several processes at once.
    """

    @abstractmethod
    def submit(self, spec: LaunchSpec) -> None:
        """Start the attempt unless it was started before: its command begins at most once.

        Raises `LaunchRefused` when it can never start, `RunnerError` when it could not be started now.
        """

    def submit_all(self, specs: Sequence[LaunchSpec]) -> list[Exception | None]:
        """The same of attempts that have never been submitted, as far as anybody knows; of each what it raised."""
        return [self._tried(spec) for spec in specs]

    def _tried(self, spec: LaunchSpec) -> Exception | None:
        try:
            self.submit(spec)
        except Exception as error:  # noqa: BLE001 - told with those of the others
            return error
        return None

    @abstractmethod
    def observe(self, run: str, attempt: int) -> Observation:
        """Tell where the attempt stands. A `LOST` attempt has no process left when this returns."""

    def observe_all(self, attempts: Collection[Attempt]) -> dict[Attempt, Observation]:
        """The same of those of which it can be told together; about the others `observe` is to be asked."""
        del attempts
        return {}

    def is_watched(self) -> bool:
        """Whether `PodState` says what becomes of the attempts, so that nobody need be asked about those that go on."""
        return False

    @abstractmethod
    def stop(self, run: str, attempt: int, reason: StopReason, grace: float) -> None:
        """Ask the attempt to end: SIGTERM to all its processes, SIGKILL after `grace` seconds. Does not wait.

        An attempt that has not begun never will. The first reason stays; a shorter grace takes effect.
        """

    def address(self, run: str, attempt: int) -> str | None:
        """Host and port at which the attempt's service is reached; None if it has none, or is gone."""
        del run, attempt
        return None

    @abstractmethod
    def usage(self, run: str, attempt: int) -> Usage | None:
        """Sample the attempt's processes; None when it is not running."""

    @abstractmethod
    def clean(self, run: str) -> None:
        """Remove what is kept of the run. For runs whose end is stored; `RunnerError` while one is alive."""

    def clean_all(self, runs: Collection[str]) -> set[str]:
        """The same of many; those of which nothing is kept any more. Left out are those that live, or make trouble."""
        cleaned = set()
        for run in runs:
            with contextlib.suppress(RunnerError):
                self.clean(run)
                cleaned.add(run)
        return cleaned

    @abstractmethod
    def discard(self, run: str, grace: float) -> None:
        """End whatever lives of the run, or else remove what is kept of it. For runs that nobody knows."""

    @abstractmethod
    def kept(self) -> list[str]:
        """Runs of which anything is kept, sorted."""

    @abstractmethod
    def active(self) -> list[str]:
        """Runs with an attempt that is not `EXITED`, sorted."""

    def shutdown(self, grace: float, reason: StopReason = StopReason.SHUTDOWN) -> list[str]:
        """End what cannot go on without this process; gives the runs that still live. Runs elsewhere are left alone."""
        del grace, reason
        return []
