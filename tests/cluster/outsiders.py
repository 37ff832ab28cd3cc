"""Processes of this machine that track runs outside of the platform, with the client, which posts their lines."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from tests.cluster.places import ROOT, SOURCES

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tests.embedded.server import Server

PROGRAM = SOURCES / "chaos_project" / "outside.py"
PATIENCE = 120  # seconds for the rest to be sent


class Outsiders:
    """So many, each in a folder of its own. A context manager, which ends those that are left."""

    def __init__(self, server: Server, project: str, folder: Path, count: int) -> None:
        self._folders = [folder / f"outside-{number}" for number in range(count)]
        self._project = project
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("POLYAXON_")},
            "PYTHONPATH": str(ROOT / "client"),
            "NO_PROXY": server.environment["NO_PROXY"],
            "POLYAXON_API_HOST": server.url,
            "POLYAXON_SECRET_USER_TOKEN": server.token,
            "POLYAXON_TIMEOUT": str(PATIENCE - 20),
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for folder in self._folders:
            folder.mkdir()
            command = [sys.executable, str(PROGRAM), str(folder), self._project]
            environment = self._environment | {"HOME": str(folder)}
            with (folder / "output").open("wb") as output:
                self._processes.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def finish(self) -> dict[int, int]:
        """Have them end, and return how many steps each run took."""
        for folder in self._folders:
            (folder / "enough").touch()
        for process, folder in zip(self._processes, self._folders, strict=True):
            assert process.wait(PATIENCE) == 0, (folder / "output").read_text()
        notes = [(folder / "noted").read_text().split() for folder in self._folders]
        return {int(run): int(steps) for run, steps in notes}
