"""Running tools to their end."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from scripts import processes
from tests.cluster.report import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TAIL = 25
REPORT_EVERY = 20.0
"""Seconds between two signs of life."""


class ClusterError(RuntimeError):
    """The cluster cannot be made or used; the message says why, with the end of the tool's output."""


def run(command: Sequence[str], *, data: str | None = None) -> str:
    """The output of `command`; `ClusterError` with what it printed if it fails."""
    done = subprocess.run(
        list(command),
        input=data or "",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)[:200]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def succeeds(command: Sequence[str]) -> bool:
    """Whether `command` ends with code 0."""
    return subprocess.run(list(command), stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def run_long(
    title: str,
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command` at low priority with its output in `log`; say every 20 s that it goes on.

    `ClusterError` with the end of the log if it fails. Stopped when we are.
    """
    begun = spoken = time.monotonic()
    say(f"{title} ...")
    with log.open("ab") as output:
        child = processes.start(
            ["nice", "-n", "15", *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
        )
        try:
            while child.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - spoken > REPORT_EVERY:
                    spoken = time.monotonic()
                    say(f"   still at it ({spoken - begun:.0f} s{_last_words(log)})")
        finally:
            processes.end(child)
    if child.returncode != 0:
        raise ClusterError(f"{title}: failed (whole output: {log})\n{tail(log)}")
    say(f"   took {time.monotonic() - begun:.0f} s")


def tail(log: Path, lines: int = TAIL) -> str:
    """The last lines of a log."""
    if not log.exists():
        return "(no output)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(no output)"


def _last_words(log: Path) -> str:
    words = tail(log, 1).strip()
    return f": {words[:60]}" if words else ""
