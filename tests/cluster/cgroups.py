"""The group of processes that the kubelet puts all pods into."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.commands import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.plan import Plan

PATIENCE = 60.0
CPUSET = ("cpuset.cpus", "cpuset.mems")
CONTROLLERS = "+cpu +cpuset +memory +pids"


def hierarchies() -> Iterator[tuple[str, Path]]:
    """Type (`cgroup` for version 1, `cgroup2`) and folder of each hierarchy of groups."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            yield kind, Path(folder)


def create(plan: Plan) -> None:
    """Make the cluster's group; a kubelet wants it in every hierarchy."""
    for kind, root in hierarchies():
        group = root / plan.cgroup
        group.mkdir(exist_ok=True)
        if kind == "cgroup":
            _inherit_cpuset(root, group)
        else:
            _delegate(root)
            _delegate(group)


def remove(plan: Plan) -> None:
    """Remove the group and those of pods in it, which must have no process any more."""
    for _, root in hierarchies():
        deadline = time.monotonic() + PATIENCE
        while (group := root / plan.cgroup).exists():
            _remove_tree(group)
            if time.monotonic() > deadline:
                raise ClusterError(f"{group} still has processes")
            time.sleep(0.05)


def _inherit_cpuset(root: Path, group: Path) -> None:
    # A new group of version 1 may use no processor until it is told which.
    for name in CPUSET:
        if (root / name).exists() and not (group / name).read_text().strip():
            (group / name).write_text((root / name).read_text())


def _delegate(group: Path) -> None:
    # Not all are there on a machine with both versions.
    for controller in CONTROLLERS.split():
        with contextlib.suppress(OSError):
            (group / "cgroup.subtree_control").write_text(controller)


def _remove_tree(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
