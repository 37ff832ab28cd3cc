"""Walking a folder that somebody else writes to, without ever leaving it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link met on a walk; usable only until the walk goes on."""

    name: str  # relative to the walked folder, "/" between names
    status: os.stat_result
    target: str | None  # where a link points, relative to the link's own folder; None for files and folders
    _folder: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def mode(self) -> int:
        """0o755 for folders and executable files, else 0o644."""
        return 0o755 if self.is_folder or self.status.st_mode & stat.S_IXUSR else 0o644

    def open(self) -> BinaryIO:
        """The file's bytes. Raises OSError if it was removed or exchanged for something else meanwhile."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(os.path.basename(self.name), flags, dir_fd=self._folder)  # noqa: PTH119 - a member name
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(self.name)
        return os.fdopen(descriptor, "rb")


def walk(folder: Path) -> Iterator[Entry]:
    """Everything below `folder` in a stable order, each folder before its content.

    Links are never followed: those that stay inside are given as links, those that lead out are left out, as
    are pipes, sockets and devices. What vanishes during the walk is passed over.
    """
    root = os.path.realpath(folder)
    for path, folders, files, descriptor in os.fwalk(root):
        folders.sort()
        for name in sorted([*folders, *files]):
            entry = _entry(root, path, name, descriptor)
            if entry is not None:
                yield entry


def _entry(root: str, path: str, name: str, descriptor: int) -> Entry | None:
    full = os.path.join(path, name)  # noqa: PTH118 - os.fwalk speaks in text
    try:
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        target = _target(root, path, full, descriptor) if stat.S_ISLNK(status.st_mode) else None
    except OSError:
        return None
    kept = target is not None or stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return Entry(os.path.relpath(full, root), status, target, descriptor) if kept else None


def _target(root: str, path: str, full: str, descriptor: int) -> str | None:
    """The link's text if it stays inside the root on the way too; rewritten if only its end is inside."""
    resolved = os.path.realpath(full)
    if not _inside(root, resolved):
        return None
    text = os.readlink(os.path.basename(full), dir_fd=descriptor)  # noqa: PTH119 - relative to a descriptor
    stays = not os.path.isabs(text) and _inside(root, os.path.normpath(os.path.join(path, text)))  # noqa: PTH117, PTH118
    return text if stays else os.path.relpath(resolved, path)


def _inside(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
