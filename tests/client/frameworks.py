"""Environments with the frameworks that callbacks are for: in the cache of the account, one for each set of pins.

Most come from the index, in an environment of their own. PyTorch is Debian's, for Debian's Python: on the index it is a
package of several gigabytes. What trains with it is installed into a folder beside.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

from tests.client.conftest import CLIENT
from tests.services.packages import PackagesMissingError, install

if TYPE_CHECKING:
    from collections.abc import Callable

PINS = Path(__file__).resolve().parents[2] / "requirements"
DEBIAN_PYTHON = "/usr/bin/python3"
TORCH, TORCH_PACKAGE = Path("/usr/lib/python3/dist-packages/torch"), "python3-torch"
# What the pins of torch.txt were chosen for.
TORCH_PYTHON = "3.11"


class Python(NamedTuple):
    """A program, and what it needs to find its packages."""

    program: str
    environment: dict[str, str]


def python_with_frameworks() -> Python:
    """All but PyTorch; made at the first call, which takes minutes. Skips the test where packages cannot be had."""
    folder = _made("frameworks", sys.version, _make_environment)
    return Python(str(folder / "bin" / "python"), {})


def python_with_torch() -> Python:
    """PyTorch and what trains with it. Skips the test on other systems than the Debian that the pins are for."""
    if _version(DEBIAN_PYTHON) != TORCH_PYTHON:
        pytest.skip(f"the pinned trainers need Debian's Python {TORCH_PYTHON}, with its {TORCH_PACKAGE}")
    folder = _made("torch", TORCH_PYTHON, _make_torch)
    return Python(DEBIAN_PYTHON, {"PYTHONPATH": f"{CLIENT}{os.pathsep}{folder}"})


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except OSError:
        return "none"


def _made(name: str, version: str, make: Callable[[Path, Path], None]) -> Path:
    """The folder with what `name.txt` pins, complete; one process makes it, the others wait."""
    # The account's home, not the test run's, which is empty.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    pins = PINS / f"{name}.txt"
    key = hashlib.sha256(pins.read_bytes() + version.encode()).hexdigest()[:16]
    folder = home / ".cache" / "polyaxon-tests" / f"{name}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if name == "torch" and not TORCH.exists():
            _install_torch()
        if not (folder / "complete").exists():
            make(folder, pins)
            (folder / "complete").touch()
    return folder


def _install_torch() -> None:
    try:
        install([TORCH_PACKAGE])
    except PackagesMissingError as problem:
        _do_without(str(problem))


def _make_environment(folder: Path, pins: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    _pip(folder / "bin" / "python", pins)


def _make_torch(folder: Path, pins: Path) -> None:
    wanted = ["--target", folder, "--upgrade", "--only-binary", ":all:", "--python-version", TORCH_PYTHON]
    _pip(sys.executable, pins, *wanted)


def _pip(python: Path | str, pins: Path, *options: Path | str) -> None:
    # Most of the modules are never imported.
    lean = ["--quiet", "--no-deps", "--no-compile"]
    command = [python, "-m", "pip", "install", *lean, "--require-hashes", *options, "-r", pins]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        _do_without(f"the frameworks cannot be installed here: {done.stderr.strip()[-300:]}")


def _do_without(reason: str) -> NoReturn:
    """Skip, but in CI fail: there everything can be installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
