"""Supervisor of one attempt of a run: a small process in a session of its own, which outlives the server.

Started as `python -I -S shim.py <state folder>`. What it imports uses the standard library alone, and leaves
out its slower modules (pathlib, dataclasses, typing, subprocess): every run waits for it to start.
"""

# Part of the supervisor, which leaves out pathlib to start fast.
# ruff: noqa: PTH100, PTH110, PTH118
from __future__ import annotations

import fcntl
import os
import sys
import time

if __name__ == "__main__":  # isolated mode has neither this folder nor site-packages on its path
    sys.path.append(os.path.abspath(__file__).rpartition("/scheduler/")[0])

from scheduler.runners.local.files import BEGUN, EXIT, LAUNCH, LOCK, SHIM, read_json, write_json
from scheduler.runners.local.processes import identity
from scheduler.runners.local.supervisor import Supervisor

LOCK_TRIES, LOCK_PAUSE = 100, 0.005  # an observer's test of the lock takes it for microseconds


def acquire_lock(folder: str) -> int | None:
    """Hold the folder's lock until this process ends; None when another supervisor holds it."""
    fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    # So often, not so long: a machine that stands still for a moment must not look like another supervisor.
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
        else:
            return fd
    os.close(fd)
    return None


def detach() -> int:
    """Leave the starter, which sees its child end as soon as the supervisor, a grandchild, says it is ready.

    Returns, in the supervisor, where to say so.
    """
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        return writer
    os.close(writer)
    os._exit(0 if os.read(reader, 1) else 1)


def supervise(folder: str, ready: int) -> None:
    """Take the folder's lock and run its attempt, unless somebody does or did."""
    lock = acquire_lock(folder)
    settled = any(os.path.exists(os.path.join(folder, name)) for name in (BEGUN, EXIT))
    supervisor = None
    if lock is not None and not settled:
        launch = read_json(os.path.join(folder, LAUNCH))
        if launch is None or "env" not in launch:
            raise SystemExit(f"{folder}: nothing to launch")
        write_json(os.path.join(folder, SHIM), identity(os.getpid()))
        supervisor = Supervisor(folder, launch)
    os.write(ready, b"1")
    os.close(ready)
    if supervisor:
        supervisor.run()


if __name__ == "__main__":
    supervise(sys.argv[1], detach())
