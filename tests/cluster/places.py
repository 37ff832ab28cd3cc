"""Where things are: the cache that outlives checkouts, and the folder of one cluster."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.cluster.report import say

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent
CACHE_VARIABLE = "POLYAXON_TEST_CACHE"
STATE_VARIABLE = "POLYAXON_TEST_CLUSTER"


def cache() -> Path:
    """The folder of compiled programs and base images: `POLYAXON_TEST_CACHE`, else in the account's home.

    Not `$HOME`, which `make test` points at an empty folder.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    return Path(chosen) if chosen else home / ".cache" / "polyaxon-tests"


def default_state() -> Path:
    """The folder of this checkout's cluster: `POLYAXON_TEST_CLUSTER`, else one in the temporary folder."""
    chosen = os.environ.get(STATE_VARIABLE)
    own = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    return Path(chosen).absolute() if chosen else Path(tempfile.gettempdir()) / f"polyaxon-cluster-{own}"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of the cache, so that two checkouts do not do the same work at once; say so while waiting for it."""
    with _lock_file(name) as lock:
        if not _take(lock):
            say(f"waiting for another process to be done with the same ({name}) ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def locked_if_free(name: str) -> Iterator[bool]:
    """Whether the lock was free; if so it is held within the block."""
    with _lock_file(name) as lock:
        yield _take(lock)


def _lock_file(name: str) -> IO[str]:
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / name).open("w")


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def made_at_once(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block ends well and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
        folder.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
