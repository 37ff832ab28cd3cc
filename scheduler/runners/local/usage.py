"""What a run's processes take, sampled."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from scheduler.runners.base import Usage

Identity = tuple[int, float]  # pid and creation time


@dataclass(frozen=True, slots=True)
class _Sample:
    """Processor seconds used until `at`, by process."""

    at: float
    seconds: dict[Identity, float]


class UsageSampler:
    """Samples trees of processes; remembers the last sample of each run, because a percentage needs two."""

    def __init__(self) -> None:
        self._last: dict[str, _Sample] = {}
        self._guard = threading.Lock()

    def sample(self, key: str, supervisor: int) -> Usage | None:
        """Sample everything below the supervisor of the run `key`; None when nothing is."""
        now = time.time()
        seconds, memory = _measure(supervisor)
        if not seconds:
            return None
        with self._guard:
            last = self._last.get(key)
            self._last[key] = _Sample(now, seconds)
        since = last.at if last else min(created for _, created in seconds)
        used = sum(total - (last.seconds.get(who, 0.0) if last else 0.0) for who, total in seconds.items())
        percent = 100.0 * used / (now - since) if now > since else 0.0
        return Usage(max(0.0, percent), memory, len(seconds), datetime.fromtimestamp(now, UTC))

    def forget(self, key: str) -> None:
        """Drop what is remembered of a run that ended."""
        with self._guard:
            self._last.pop(key, None)


def _measure(supervisor: int) -> tuple[dict[Identity, float], int]:
    """Processor seconds by process, and the resident bytes of all."""
    seconds: dict[Identity, float] = {}
    memory = 0
    for process in _below(supervisor):
        try:
            with process.oneshot():
                cpu = process.cpu_times()
                seconds[process.pid, process.create_time()] = cpu.user + cpu.system
                memory += process.memory_info().rss
        except psutil.Error:  # it ended meanwhile
            continue
    return seconds, memory


def _below(supervisor: int) -> list[psutil.Process]:
    try:
        return psutil.Process(supervisor).children(recursive=True)
    except psutil.Error:
        return []
