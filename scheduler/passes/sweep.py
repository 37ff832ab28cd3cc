"""What processes that were killed left on disk, and the upkeep of repositories."""

from __future__ import annotations

import logging
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.conf import settings

from polyaxon.stores import InternalRepo, RepoError
from polyaxon.stores.outputs import remove_tree
from scheduler.passes.guard import guarded

logger = logging.getLogger(__name__)

# Longer than anything that is under way: an upload, a copy of outputs, the download of an archive.
ABANDONED_AFTER = 24 * 3600.0  # seconds
# Beside what they were to become: never inside of a run's own folder, where every name is the run's business.
_PLACES = {
    "repos_root": ("*",),
    "outputs_root": (".incoming/*", "*/*", "*/*/*", "*/*/*/*", "*/*/groups/*/*"),
}
_STAGED = re.compile(r"\.[0-9a-f]{32}\.part|\.upload-\w+")
_SCRATCH = ("polyaxon-index-", "polyaxon-archive-")


def sweep() -> None:
    """Remove abandoned folders, and let git pack what uploads wrote."""
    for folder in (*_staged(), *_scratch()):
        guarded(partial(_remove_abandoned, folder))
    for repository in sorted(_root("repos_root").glob("*.git")):
        guarded(partial(_maintain, repository))


def _root(name: str) -> Path:
    return Path(settings.CONFIG.root(getattr(settings.CONFIG.stores, name)))


def _staged() -> Iterator[Path]:
    for root, patterns in _PLACES.items():
        for pattern in patterns:
            yield from (path for path in _root(root).glob(pattern) if _STAGED.fullmatch(path.name))


def _scratch() -> Iterator[Path]:
    for prefix in _SCRATCH:
        yield from Path(tempfile.gettempdir()).glob(f"{prefix}*")


def _remove_abandoned(folder: Path) -> None:
    """Unless it is young. The time of the last change of the entry itself counts, which a rename changes, too."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    old = time.time() - found.st_ctime > ABANDONED_AFTER
    if old and stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        try:
            remove_tree(folder)
        except OSError as error:
            logger.warning("%s was left behind and cannot be removed: %s", folder, error.strerror)


def _maintain(repository: Path) -> None:
    try:
        InternalRepo(repository).maintain()
    except RepoError as error:
        logger.warning("%s", error)
