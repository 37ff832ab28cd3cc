"""Files of an attempt's state folder: all that a run's supervisor and the server share.

launch.json   what to run; its environment is removed once the command runs
lock          held (flock) for as long as the supervisor lives: the one test of liveness
begun         created just before the command starts; an attempt that has it is never started again
shim.json, child.json   pids, with the kernel's start time against reuse of numbers
stop.json     a request to end, written by the server, looked for five times a second
exit.json     how it ended, written once
shim.log      what the supervisor itself had to say, normally nothing
"""

# Part of the supervisor, which leaves out pathlib to start fast.
# ruff: noqa: PTH105, PTH108, PTH118, PTH120, PTH123, PTH208
from __future__ import annotations

import json
import os
import time

LAUNCH, LOCK, BEGUN, SHIM, CHILD, STOP, EXIT, SHIM_LOG = (
    "launch.json", "lock", "begun", "shim.json", "child.json", "stop.json", "exit.json", "shim.log",
)  # fmt: skip


def utc_now() -> str:
    """Now, as ISO 8601 with microseconds."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}+00:00"


def sync_folder(path: str) -> None:
    """Make the entries of a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def create_synced(path: str, text: str, flags: int) -> None:
    """Write a 0600 file and its folder entry through to the disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: str, data: dict[str, object]) -> None:
    """Replace a file in one step: readers see the old or the new content, never a part."""
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        create_synced(temporary, json.dumps(data), os.O_EXCL)
        os.replace(temporary, path)
    except BaseException:
        _remove(temporary)
        raise
    sync_folder(os.path.dirname(path))


def read_json(path: str) -> dict[str, object] | None:
    """The object in a file; None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except FileNotFoundError:
        return None
    if not isinstance(data, dict):
        raise ValueError(f"{path}: an object is expected")  # noqa: TRY004  (wrong content, not a wrong call)
    return data


def scrub(folder: str) -> None:
    """Remove the environment, which holds tokens, from the launch file and from copies that a crash left.

    The server and the supervisor may do so at once: one may find removed what the other was at.
    """
    path = os.path.join(folder, LAUNCH)
    try:
        launch = read_json(path)
        if launch is not None and "env" in launch:
            launch.pop("env")
            write_json(path, launch)
    except (OSError, ValueError):  # a full disk, a broken file: nobody needs it any more
        _remove(path)
    for name in os.listdir(folder):
        if name.startswith(LAUNCH) and name.endswith(".tmp"):
            _remove(os.path.join(folder, name))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
