"""A Docker daemon of its own for tests, from Debian's package, which need not be installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import processes
from tests.cluster import places
from tests.cluster.commands import ClusterError, run, tail

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 120.0  # seconds
# With the one library of it that not every machine has. Lists of packages that are missing or old come first.
FETCH = """
cd '{folder}'
apt-get download -q docker.io libdevmapper1.02.1 || {{
    apt-get update -q && apt-get download -q docker.io libdevmapper1.02.1
}} || exit 1
for package in *.deb; do dpkg -x "$package" . || exit 1; done
rm -- *.deb
"""


def program() -> Path:
    """The daemon; fetched once, without installing it, where there is none."""
    if installed := _installed():
        return Path(installed)
    kept = places.cache() / "dockerd"
    with places.locked("dockerd"):
        if not kept.is_dir():
            with places.made_at_once(kept) as folder:
                run(["sh", "-c", FETCH.format(folder=folder)])
    return kept / "usr/sbin/dockerd"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address, for as long as the block lasts. It leaves the machine's network alone."""
    daemon, socket, log = program(), folder / "docker.sock", folder / "dockerd.log"
    command = [
        *(str(daemon), "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid")),
        *("--host", f"unix://{socket}"),
    ]
    path = os.pathsep.join([str(daemon.parent), str(daemon.parents[1] / "bin"), os.environ["PATH"], "/usr/sbin"])
    with log.open("wb") as output:
        variables = {**os.environ, "PATH": path, "LD_LIBRARY_PATH": _libraries(daemon)}
        server = processes.start(command, stdout=output, stderr=output, env=variables)
    try:
        _await(socket, log)
        yield f"unix://{socket}"
    finally:
        processes.end(server)


def _libraries(daemon: Path) -> str:
    """Folders of what was fetched with it, after the caller's."""
    found = (
        {str(file.parent) for file in daemon.parents[2].glob("*lib/**/libdevmapper.so*")} if not _installed() else set()
    )
    return os.pathsep.join(filter(None, [os.environ.get("LD_LIBRARY_PATH", ""), *sorted(found)]))


def _installed() -> str | None:
    return shutil.which("dockerd")


def _await(socket: Path, log: Path) -> None:
    from docker.errors import DockerException

    import docker

    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(DockerException, OSError):
            docker.APIClient(base_url=f"unix://{socket}", version="auto").ping()
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"the Docker daemon does not answer:\n{tail(log)}")
        time.sleep(0.1)
