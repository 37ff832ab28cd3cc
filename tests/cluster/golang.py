"""A Go compiler that is new enough: the machine's, or one that an old one fetches as a module."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from tests.cluster import places
from tests.cluster.commands import ClusterError, run_long

NEEDED = (1, 24)
TOOLCHAIN = "1.24.13"
"""Fetched where the machine's compiler is older."""
DEBIAN = Path("/usr/lib/go/bin/go")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find() -> Path | None:
    """Any Go compiler, of whatever age."""
    found = shutil.which("go", path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin")
    return Path(found) if found else None


def version(program: Path) -> tuple[int, int]:
    """Major and minor version, as in (1, 26); (0, 0) if it does not say."""
    done = subprocess.run(
        [program, "version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    match = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def environment() -> dict[str, str]:
    """Variables of a build: caches of our own, nothing taken from the person's flags."""
    folder = places.cache() / "go"
    return {
        **{key: value for key, value in os.environ.items() if _says_how_to_download(key)},
        "PATH": os.environ.get("PATH", SYSTEM_PATH),
        "HOME": str(folder),
        "GOPATH": str(folder / "path"),
        "GOCACHE": str(folder / "cache"),
        "GOENV": "off",
        "GOFLAGS": "-mod=mod -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _says_how_to_download(variable: str) -> bool:
    named = {"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"}
    return variable in named or variable.lower().endswith("_proxy") or variable.startswith("SSL_")


def compiler() -> Path:
    """The compiler to build with; `ClusterError` if there is none at all."""
    found = find()
    if found is None:
        raise ClusterError("no Go compiler; as root: apt-get install golang-go")
    return found if version(found) >= NEEDED else _fetched(found)


def _fetched(old: Path) -> Path:
    """The compiler of TOOLCHAIN, which Go's module proxy serves like any module."""
    env = environment()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    module = f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.linux-{machine}"
    log = places.cache() / "go" / "toolchain.json"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    run_long(f"fetching Go {TOOLCHAIN}", [str(old), "mod", "download", "-json", module], log, env=env)
    folder = Path(json.loads(log.read_text())["Dir"])
    _make_runnable(folder)
    return folder / "bin" / "go"


def _make_runnable(folder: Path) -> None:
    """Modules carry no permission to execute."""
    for pattern in ("bin/*", "pkg/tool/*/*"):
        for program in folder.glob(pattern):
            program.chmod(0o755)
