"""Putting files into the outputs folder of a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Union

PathLike = Union[str, "os.PathLike[str]"]


def is_remote(path: str) -> bool:
    """Whether an outputs path names a bucket."""
    return "://" in path


def copy_into(outputs: Path, source: Path, name: str | None = None) -> Path:
    """Copy a file or folder into ``outputs`` unless it already is there; the path below ``outputs``.

    Args:
        name: path below ``outputs``, by default the source's own name.

    Raises:
        ValueError: ``name`` leads out of ``outputs``.
        OSError: it cannot be read or written.
    """
    root, origin = outputs.resolve(), source.resolve(strict=True)
    target = root / (name or origin.name)
    if not _within(Path(os.path.normpath(target)), root):
        raise ValueError(f"the name {name!r} leads out of the outputs folder")
    if name is None and _within(origin, root):
        return origin
    if origin.is_dir():
        _copy_tree(origin, target, skip=root)
    elif origin != target:
        _copy_file(origin, target)
    return target


def _copy_tree(origin: Path, target: Path, skip: Path) -> None:
    for folder, folders, files in os.walk(origin):
        folders[:] = [name for name in folders if Path(folder, name) != skip]
        for name in files:
            source = Path(folder, name)
            _copy_file(source, target / source.relative_to(origin))


def _copy_file(source: Path, target: Path) -> None:
    """Readers see the old file or the new one, never half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copy2(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _within(path: Path, root: Path) -> bool:
    return path == root or root in path.parents
