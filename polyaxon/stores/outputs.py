"""Outputs of runs: a folder per run that the run writes to as it likes and everybody else only reads."""

from __future__ import annotations

import os
import shutil
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from polyaxon.stores.errors import OutputsNotFound, PathRefused, shown
from polyaxon.stores.packing import pack
from polyaxon.stores.paths import contained, contained_unlinked, open_regular, safe_parts
from polyaxon.stores.walk import Entry, walk

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Tree:
    """What one folder holds, sorted by name: files with their sizes in bytes, and folders."""

    files: list[tuple[str, int]]
    dirs: list[str]


class OutputsStore(ABC):
    """Keeps outputs by a run's sub-path, `<owner>/<project>/experiments/<id>` and the like.

    Every method raises PathRefused for a path that is empty or leads out, also through a link that the run
    made.
    """

    @abstractmethod
    def prepare(self, path: str) -> Path | None:
        """Make the run's folder if it is not there, and return its `local_path`. What it holds already is kept."""

    @abstractmethod
    def tree(self, path: str, sub: str = "") -> Tree:
        """The content of the folder `sub` of a run. A run without outputs has an empty one.

        Raises OutputsNotFound if there is no such folder.
        """

    @abstractmethod
    def open(self, path: str, file: str) -> tuple[BinaryIO, int]:
        """A run's file for reading, and its size in bytes. Raises OutputsNotFound."""

    @abstractmethod
    def archive(self, path: str) -> Iterator[bytes]:
        """The run's outputs as a streamed tar.gz with relative names. Raises OutputsNotFound at once."""

    @abstractmethod
    def copy(self, source: str, target: str) -> bool:
        """Give the run `target`, which has no outputs yet, a copy of those of `source`, all at once.

        False, and nothing done, if `target` holds something: a second call after a crash spoils nothing.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove everything below the path; nothing there is fine."""

    @abstractmethod
    def local_path(self, path: str) -> Path | None:
        """The folder that a run on this machine writes to; None if the store is elsewhere."""


class FilesystemOutputsStore(OutputsStore):
    """Outputs as folders under a root on a mounted file system."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root)

    def prepare(self, path: str) -> Path:
        folder = self.local_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def tree(self, path: str, sub: str = "") -> Tree:
        base = self.local_path(path)
        inner = "/".join(safe_parts(sub))
        folder = contained(base, inner) if inner else base
        if not inner and not base.exists():
            return Tree([], [])
        try:
            return _listing(base, folder)
        except (FileNotFoundError, NotADirectoryError):
            raise OutputsNotFound(f"no folder {shown(sub)} among the outputs", field="path") from None

    def open(self, path: str, file: str) -> tuple[BinaryIO, int]:
        base = self.local_path(path)
        try:
            return open_regular(base, file)
        except IsADirectoryError:
            raise OutputsNotFound(f"{shown(file)} is a folder, not a file", field="path") from None
        except OSError:
            raise OutputsNotFound(f"no file {shown(file)} among the outputs", field="path") from None

    def archive(self, path: str) -> Iterator[bytes]:
        try:
            return pack(self.local_path(path))
        except FileNotFoundError:
            raise OutputsNotFound("the run has no outputs", field="path") from None

    def copy(self, source: str, target: str) -> bool:
        origin, destination = self.local_path(source), self.local_path(target)
        destination.mkdir(parents=True, exist_ok=True)
        if any(destination.iterdir()):
            return False
        staging = _beside(destination)
        try:
            _copy_tree(origin, staging)
            staging.rename(destination)
        except OSError:
            if any(destination.iterdir()):
                return False
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return True

    def delete(self, path: str) -> None:
        folder = self.local_path(path)
        trash = _beside(folder)
        try:
            folder.rename(trash)
        except FileNotFoundError:
            return
        remove_tree(trash)

    def local_path(self, path: str) -> Path:
        return contained_unlinked(self._root, path)


def remove_tree(folder: Path) -> None:
    """Remove a tree, also where a run has taken away its own right to write."""
    try:
        shutil.rmtree(folder)
    except PermissionError:
        folder.chmod(0o700)
        for path, folders, _ in os.walk(folder):
            for inner in (Path(path, name) for name in folders):
                if not inner.is_symlink():
                    inner.chmod(0o700)
        shutil.rmtree(folder)


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{uuid.uuid4().hex}.part")


def _listing(base: Path, folder: Path) -> Tree:
    """Links that stay inside count as what they point to; other links and special files are not shown."""
    tree = Tree([], [])
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        try:
            target = contained(base, os.path.relpath(entry.path, base)) if entry.is_symlink() else Path(entry.path)
            status = target.lstat()
        except (PathRefused, OSError):
            continue
        if target.is_dir():
            tree.dirs.append(entry.name)
        elif target.is_file():
            tree.files.append((entry.name, status.st_size))
    return tree


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir()
    if not source.is_dir():
        return
    for entry in walk(source):
        _copy_entry(entry, target / entry.name)


def _copy_entry(entry: Entry, path: Path) -> None:
    if entry.target is not None:
        path.symlink_to(entry.target)
    elif entry.is_folder:
        path.mkdir()
    else:
        _copy_file(entry, path)


def _copy_file(entry: Entry, path: Path) -> None:
    try:
        stream = entry.open()
    except OSError:  # the original run removed it meanwhile
        return
    with stream, path.open("xb") as copy:
        shutil.copyfileobj(stream, copy, 1024 * 1024)
    path.chmod(entry.mode)
    os.utime(path, ns=(entry.status.st_atime_ns, entry.status.st_mtime_ns))
