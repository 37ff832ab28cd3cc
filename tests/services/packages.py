"""The Debian packages that the services come from, and the programs of others that tests drive."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import postgres, rabbitmq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

POLICY = Path("/usr/sbin/policy-rc.d")
TRIES = 3

PRESENT: Mapping[str, Callable[[], bool]] = {
    "postgresql": lambda: postgres.binaries() is not None,
    "redis-server": lambda: shutil.which("redis-server") is not None,
    "rabbitmq-server": rabbitmq.PROGRAM.exists,
    "git": lambda: shutil.which("git") is not None,
}
# Shells that completion is tested in. Where one is missing, and this is not CI, its test is skipped.
OPTIONAL = ("zsh", "fish")


class PackagesMissingError(RuntimeError):
    """Packages that tests need are missing and cannot be installed from here."""


def missing_packages() -> list[str]:
    """Names of the packages that are still to be installed."""
    return [name for name, is_present in PRESENT.items() if not is_present()]


def missing_optional() -> list[str]:
    """Names of those that tests can do without."""
    return [name for name in OPTIONAL if shutil.which(name) is None]


def ensure_packages() -> list[str]:
    """Install what is missing and return its names; `PackagesMissingError` unless root on Debian."""
    missing = missing_packages()
    if not missing:
        return []
    install(missing)
    if left := missing_packages():
        raise PackagesMissingError(f"still missing after the installation: {' '.join(left)}")
    return missing


def install_optional() -> list[str]:
    """Install what tests can do without, where that is possible; names of what is missing afterwards."""
    if missing := missing_optional():
        with contextlib.suppress(PackagesMissingError):
            install(missing)
    return missing_optional()


def install(names: Sequence[str]) -> None:
    """Install Debian packages without starting their servers; `PackagesMissingError` unless root on Debian."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PackagesMissingError(f"missing programs; as root: apt-get install {' '.join(names)}")
    with _services_stay_off():
        _apt_get(["update"])
        _apt_get(["install", "--yes", "--no-install-recommends", *names])


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """Keep package scripts from starting the system's own servers."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _apt_get(arguments: Sequence[str]) -> None:
    options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    if os.environ.get("CI") == "true":
        # That machine has nothing to lose in a power cut; waiting for the disk is half of the time.
        options += ["-o", "Dpkg::Options::=--force-unsafe-io"]
    for attempt in range(1, TRIES + 1):
        done = subprocess.run(
            ["apt-get", *options, *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        if attempt < TRIES:
            time.sleep(5 * attempt)
    raise PackagesMissingError(f"apt-get {arguments[0]} failed:\n{done.stdout[-2000:]}")
