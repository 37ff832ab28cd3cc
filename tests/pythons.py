"""Other interpreters of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest


def interpreter(version: str) -> str:
    """The program of Python `version`, as in `3.9`; skips the test where there is none."""
    # The account's home, not the test run's, which is empty.
    root = Path(os.environ.get("PYENV_ROOT") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv")
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    path = str(found[-1]) if found else shutil.which(f"python{version}")
    if path is None:
        pytest.skip(f"no Python {version} on this machine")
    return path
