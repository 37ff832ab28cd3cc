"""The helper as its image starts it: a process of its own that sees nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "helper"


def start(mode: str, plan: dict[str, Any], **environment: str) -> subprocess.Popen[str]:
    """Start it; whoever does ends it."""
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "helper", mode],
        cwd="/",
        env={"PYTHONPATH": str(FOLDER), "POLYAXON_HELPER": json.dumps(plan), "PATH": "/usr/bin:/bin", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def run(mode: str, plan: dict[str, Any], **environment: str) -> tuple[int, str]:
    """Exit code and what it said."""
    with start(mode, plan, **environment) as process:
        _, said = process.communicate(timeout=90)
        return process.returncode, said
