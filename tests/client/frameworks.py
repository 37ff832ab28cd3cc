"""An environment with the frameworks that callbacks are for: in the cache of the account, one for each set of pins."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

PINS = Path(__file__).resolve().parents[2] / "requirements" / "frameworks.txt"


def python_with_frameworks() -> str:
    """The program; made at the first call, which takes minutes. Skips the test where packages cannot be had."""
    # The account's home, not the test run's, which is empty.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    key = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = home / ".cache" / "polyaxon-tests" / f"frameworks-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"frameworks-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _make(folder)
    return str(folder / "bin" / "python")


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    command = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        PINS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the frameworks cannot be installed here: {done.stderr.strip()[-300:]}")
    (folder / "complete").touch()
