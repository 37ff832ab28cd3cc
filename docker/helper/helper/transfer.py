"""Folders and object stores."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from helper.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.stores.base import ObjectStore

SETTLED = 5.0  # seconds without a change until a file counts as written


def download(store: ObjectStore, folder: Path) -> None:
    """Write every object below the store's prefix into `folder`, with the object's time."""
    for found in store.list():
        path = _inside(folder, found.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        store.get(found.name, partial)
        os.utime(partial, (found.modified, found.modified))
        partial.replace(path)


def copy(source: Path, target: Path) -> None:
    """Have `target`, an empty folder, hold what `source` does, all at once: others may do the same at this moment.

    What the run that writes there removes meanwhile is left out. Raises OSError.
    """
    # Named after the pod, whose earlier try may have left half of it.
    staging = target.with_name(f".{target.name}.{os.uname().nodename}")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir()
        staging.chmod(stat.S_IMODE(target.stat().st_mode))
        _copy_tree(source, staging)
        staging.rename(target)
    except OSError:
        if not any(target.iterdir()):
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    if not source.is_dir():  # it wrote nothing
        return
    for entry in os.scandir(source):
        path = target / entry.name
        if entry.is_symlink():
            path.symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            path.mkdir()
            _copy_tree(Path(entry.path), path)
        elif entry.is_file():
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(entry.path, path)


def _inside(folder: Path, name: str) -> Path:
    """An object's name is only text; it must not lead out of the folder."""
    if name.startswith("/") or any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
        raise Problem(f"{name!r}: is no name of a file")
    return folder / name


class Upload:
    """What of a folder is stored already, and storing the rest."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._stored: dict[str, tuple[int, float]] | None = None

    def everything(self) -> None:
        """Store each file that is new or changed."""
        self._upload(time.time())

    def settled(self) -> None:
        """The same of files that nobody is writing at this moment."""
        self._upload(time.time() - SETTLED)

    def _upload(self, until: float) -> None:
        stored = self._known()
        for name, path in self._files():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            size, modified = stored.get(name, (-1, 0.0))
            if facts.st_mtime <= until and (size != facts.st_size or facts.st_mtime > modified):
                self._store.put(name, path)
                stored[name] = (facts.st_size, facts.st_mtime)

    def _known(self) -> dict[str, tuple[int, float]]:
        """Asked once, so that a helper that was started again stores what the one before it did not."""
        if self._stored is None:
            self._stored = {found.name: (found.size, found.modified) for found in self._store.list()}
        return self._stored

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Regular files of the folder itself; links may lead anywhere."""
        for parent, _, names in os.walk(self._folder):
            for name in sorted(names):
                path = Path(parent, name)
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(self._folder).as_posix(), path
