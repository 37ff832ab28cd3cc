"""The frameworks that callbacks are for.

Most come from the index, in an environment of their own. PyTorch is Debian's, for Debian's Python: on the index it is a
package of several gigabytes. What trains with it is installed into a folder beside.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.client.conftest import CLIENT
from tests.environments import do_without, environment, made, pip_install
from tests.services.packages import PackagesMissingError, install

DEBIAN_PYTHON = "/usr/bin/python3"
TORCH, TORCH_PACKAGE = Path("/usr/lib/python3/dist-packages/torch"), "python3-torch"
# What the pins of torch.txt were chosen for.
TORCH_PYTHON = "3.11"


class Python(NamedTuple):
    """A program, and what it needs to find its packages."""

    program: str
    environment: dict[str, str]


def python_with_frameworks() -> Python:
    """All but PyTorch. Skips the test where they cannot be had."""
    return Python(str(environment("frameworks") / "python"), {})


def python_with_torch() -> Python:
    """PyTorch and what trains with it. Skips the test on other systems than the Debian that the pins are for."""
    if _version(DEBIAN_PYTHON) != TORCH_PYTHON:
        pytest.skip(f"the pinned trainers need Debian's Python {TORCH_PYTHON}, with its {TORCH_PACKAGE}")
    folder = made("torch", TORCH_PYTHON, _make_torch)
    return Python(DEBIAN_PYTHON, {"PYTHONPATH": f"{CLIENT}{os.pathsep}{folder}"})


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except OSError:
        return "none"


def _make_torch(folder: Path, pins: Path) -> None:
    if not TORCH.exists():
        try:
            install([TORCH_PACKAGE])
        except PackagesMissingError as problem:
            do_without(str(problem))
    wanted = ["--target", folder, "--upgrade", "--only-binary", ":all:", "--python-version", TORCH_PYTHON]
    pip_install(sys.executable, pins, *wanted)
