"""What a server takes of the machine: memory, and processor time."""

from __future__ import annotations

import os
from pathlib import Path

_KIB = 1024


def tree_bytes(root: int) -> int:
    """Proportional set size of the process `root` and all below it: pages that they share count once."""
    return sum(_proportional(pid) for pid in _tree(root))


def tree_seconds(root: int) -> float:
    """Processor time that the process `root`, all below it, and those of them that have ended have taken."""
    return sum(_ticks(pid) for pid in _tree(root)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, words[11:15]))


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold anything; the parent is the second word after it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has ended
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * _KIB
