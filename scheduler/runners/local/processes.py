"""Processes as the kernel shows them, with nothing but the standard library."""

# Part of the supervisor, which leaves out pathlib to start fast.
# ruff: noqa: PTH123, PTH208
from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def stat_fields(pid: int) -> list[str] | None:
    """`/proc/<pid>/stat` from the state on (state, parent, group, session …); None for no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def identity(pid: int) -> dict[str, object]:
    """What names one process for good: its number, its start in kernel ticks, the boot they count from."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    fields = stat_fields(pid)
    return {"pid": pid, "start_ticks": int(fields[19]) if fields else None, "boot_id": boot}


def descendants(root: int) -> dict[int, int]:
    """Process group by pid, for every living process below `root`."""
    parents: dict[int, tuple[int, int]] = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(int(name)) if name.isdigit() else None
        if fields and fields[0] != "Z":
            parents[int(name)] = int(fields[1]), int(fields[2])
    found: dict[int, int] = {}
    frontier = {root}
    while frontier:
        frontier = {pid for pid, (parent, _) in parents.items() if parent in frontier and pid not in found}
        found.update((pid, parents[pid][1]) for pid in frontier)
    return found


def prctl(option: int, value: int) -> None:
    """Call prctl(2)."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def send(pid: int, number: int, *, group: bool = False) -> None:
    """Send a signal to a process, or to its group; one that is gone or not ours is left out."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)


def marked(mark: bytes) -> list[int]:
    """Processes whose environment holds the entry `mark`, as all descendants of a run's command do."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(int(name))
    return found


def end_marked(mark: str, patience: float) -> bool:
    """Kill every process that carries the mark; whether none is left after at most `patience` seconds."""
    deadline = time.monotonic() + patience
    while pids := marked(mark.encode()):
        for pid in pids:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
