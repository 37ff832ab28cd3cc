"""Packages that some tests need and `.venv` must not have: in the account's cache, one folder for each set of pins."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PINS = Path(__file__).resolve().parents[1] / "requirements"


def environment(name: str, python: str = sys.executable, version: str = sys.version) -> Path:
    """The `bin` of an environment with what `name.txt` pins; made at the first call, which takes a minute.

    Skips the test where packages cannot be had. `version` is that of `python`.
    """

    def make(folder: Path, pins: Path) -> None:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip_install(folder / "bin" / "python", pins)

    return made(name, version, make) / "bin"


def made(name: str, version: str, make: Callable[[Path, Path], None]) -> Path:
    """The folder with what `name.txt` pins for a version of Python. One process makes it, by `make`; others wait."""
    # The account's home, not the test run's, which is empty.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    pins = PINS / f"{name}.txt"
    key = hashlib.sha256(pins.read_bytes() + version.encode()).hexdigest()[:16]
    folder = home / ".cache" / "polyaxon-tests" / f"{name}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder, pins)
            (folder / "complete").touch()
    return folder


def pip_install(python: Path | str, pins: Path, *options: Path | str) -> None:
    """Install what is pinned, and nothing else."""
    # Most of the modules are never imported.
    lean = ["--quiet", "--no-deps", "--no-compile"]
    command = [python, "-m", "pip", "install", *lean, "--require-hashes", *options, "-r", pins]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        do_without(f"{pins.name} cannot be installed here: {done.stderr.strip()[-300:]}")


def do_without(reason: str) -> NoReturn:
    """Skip, but in CI fail: there everything can be installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
