"""What a run of this machine serves: a port of its own on loopback, and whether it answers there."""

from __future__ import annotations

import http.client
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scheduler.runners.base import LaunchRefused
from scheduler.runners.local import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scheduler.runners.base import Service

HOST = "127.0.0.1"
SERVICE, READY = "service.json", "ready"  # files of an attempt's state folder
PROBE_TIMEOUT = 1.0  # seconds
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service of an attempt listens."""

    port: int
    ready_path: str

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What tells the command."""
        return {"POLYAXON_SERVICE_HOST": HOST, "POLYAXON_SERVICE_PORT": str(self.port)}

    def answers(self) -> bool:
        """Ask once."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PROBE_TIMEOUT)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status < _SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def reserve(folder: Path, service: Service) -> Endpoint:
    """Choose a port that is free now, and write it down. Whoever finds it taken after all fails to start."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        endpoint = Endpoint(int(probe.getsockname()[1]), service.ready_path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_json(str(folder / SERVICE), {"port": endpoint.port, "ready_path": endpoint.ready_path})
    return endpoint


def endpoint_of(folder: Path) -> Endpoint | None:
    """What was reserved for the attempt with this state folder."""
    found = files.read_json(str(folder / SERVICE))
    port = found.get("port") if found else None
    return Endpoint(port, str(found["ready_path"])) if found and isinstance(port, int) else None


def is_ready(folder: Path) -> bool:
    """Whether it has answered once. From then on it is not asked any more."""
    mark, endpoint = folder / READY, endpoint_of(folder)
    if mark.exists() or endpoint is None:
        return endpoint is not None
    if not endpoint.answers():
        return False
    mark.touch()
    return True


def check_program(service: Service, env: Mapping[str, str]) -> None:
    """Raise `LaunchRefused` where the program that serves is not installed."""
    if service.program is not None and shutil.which(service.program, path=env.get("PATH")) is None:
        raise LaunchRefused(f"this machine has no program `{service.program}`; {service.advice}")
