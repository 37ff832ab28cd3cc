"""The Debian packages that the cluster comes from, and why this machine may be unable to run one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import binaries, golang
from tests.cluster.commands import ClusterError
from tests.cluster.report import step
from tests.services.packages import PackagesMissingError, install

PLUGINS = Path("/usr/lib/cni")
SEARCH = f"{os.environ.get('PATH', '')}:{golang.SYSTEM_PATH}"
NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--propagation", "private", "true")
CGROUPS = Path("/sys/fs/cgroup")
NEEDED_CONTROLLERS = ("cpu", "memory", "pids")

# What tells that a package is there.
PRESENT: Mapping[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": str(PLUGINS / "bridge"),
    "iptables": "iptables",
    "iproute2": "ip",
    "conntrack": "conntrack",
    "socat": "socat",
    "debootstrap": "debootstrap",
    "docker-registry": "docker-registry",
}


def program(name: str) -> str:
    """Path of a Debian program; `ClusterError` if it is not installed."""
    found = shutil.which(name, path=SEARCH)
    if found is None:
        raise ClusterError(f"{name} is not installed; `python -m tests.cluster up` as root installs it")
    return found


def missing() -> list[str]:
    """Debian packages that are still to be installed, the compiler among them if something is to be compiled."""
    names = [name for name, sign in PRESENT.items() if shutil.which(sign, path=SEARCH) is None]
    return [*names, "golang-go"] if binaries.missing() and golang.find() is None else names


def ensure() -> None:
    """Install what is missing; `ClusterError` if that fails."""
    if not (names := missing()):
        return
    try:
        with step(f"installing {' '.join(names)}"):
            install(names)
    except PackagesMissingError as problem:
        raise ClusterError(str(problem)) from None


def obstacle() -> str | None:
    """Why no cluster can run here, in one line; None if one can."""
    if os.geteuid() != 0:
        return "needs root"
    if missing() and shutil.which("apt-get") is None:
        return f"needs Debian's apt-get, or these programs: {' '.join(missing())}"
    if lacking := [name for name in NEEDED_CONTROLLERS if not has_controller(name)]:
        return f"needs writable cgroups, and {CGROUPS} has none for {', '.join(lacking)}"
    done = subprocess.run(NAMESPACES, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"needs namespaces of its own, and the kernel refuses them: {done.stderr.strip()}"
    return None


def has_controller(name: str) -> bool:
    """Whether groups of processes can be limited by a controller: version 1 has a folder each, version 2 a list."""
    if (folder := CGROUPS / name).is_dir():
        return os.access(folder, os.W_OK) and _is_writable_mount(folder)
    listed = CGROUPS / "cgroup.controllers"
    return listed.exists() and name in listed.read_text().split() and _is_writable_mount(CGROUPS)


def _is_writable_mount(folder: Path) -> bool:
    # Root passes every check of permissions; only the mount tells.
    return not os.statvfs(folder).f_flag & os.ST_RDONLY
