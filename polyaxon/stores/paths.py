"""Paths named by clients, held inside a folder of the server.

A path arrives already decoded, once, by whatever carried it (the query string, JSON, a tar header). It is not
decoded again here: `%2e%2e` is then an ordinary, if odd, file name.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

from polyaxon.stores.errors import PathRefused

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4095

_SEPARATORS = re.compile(r"[/\\]")
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def safe_parts(relative: str) -> tuple[str, ...]:
    """The names a relative path consists of, without empty ones and "."; () for the folder itself.

    Raises PathRefused for an absolute path in any system's form, "..", NUL, and anything too long for a file
    system.
    """
    if "\0" in relative:
        raise PathRefused(relative, "contains a NUL character")
    if relative.startswith(("/", "\\")) or PureWindowsPath(relative).anchor:
        raise PathRefused(relative, "is absolute; name it relative to its folder")
    if ".." in _SEPARATORS.split(relative):
        raise PathRefused(relative, "leads upwards with '..'")
    parts = tuple(part for part in relative.split("/") if part not in ("", "."))
    _check_lengths(relative, parts)
    return parts


def _check_lengths(relative: str, parts: tuple[str, ...]) -> None:
    try:
        sizes = [len(os.fsencode(part)) for part in parts]
    except UnicodeEncodeError:
        raise PathRefused(relative, "is not valid Unicode text") from None
    if sum(sizes) + len(sizes) > MAX_PATH_BYTES:
        raise PathRefused(relative, f"is too long; {MAX_PATH_BYTES} bytes are allowed")
    if any(size > MAX_NAME_BYTES for size in sizes):
        raise PathRefused(relative, f"has a name that is too long; {MAX_NAME_BYTES} bytes are allowed")


def contained(root: Path, relative: str) -> Path:
    """The resolved path of `relative` under `root`; it need not exist. Links inside the root are followed.

    Raises PathRefused for what `safe_parts` refuses, an empty path, and a link that leads out of the root.
    """
    return _followed(root, relative)[1]


def _followed(root: Path, relative: str) -> tuple[Path, Path]:
    """The path as it is written under the resolved root, and where it leads."""
    base, written = _written(root, relative)
    try:
        target = written.resolve()
    except (OSError, RuntimeError):
        raise PathRefused(relative, "cannot be followed; a link leads to itself or a name is too long") from None
    if not target.is_relative_to(base):
        raise PathRefused(relative, "goes through a link that leads out of its folder")
    return written, target


def _written(root: Path, relative: str) -> tuple[Path, Path]:
    """The resolved root, and the path as it is written under it."""
    parts = safe_parts(relative)
    if not parts:
        raise PathRefused(relative, "is empty")
    base = Path(root).resolve()
    return base, base.joinpath(*parts)


def contained_unlinked(root: Path, relative: str) -> Path:
    """Like `contained`, but a link anywhere below the root is refused, even one that stays inside."""
    base, written = _written(root, relative)
    if _is_unlinked(base, written):
        return written
    written, target = _followed(root, relative)
    if target != written:
        raise PathRefused(relative, "goes through a link")
    return target


def _is_unlinked(base: Path, written: Path) -> bool:
    """Whether every step from `base` to there could be looked at, and none is a link: quicker than to follow them."""
    path = str(base)
    for name in written.parts[len(base.parts) :]:
        path = f"{path}{os.sep}{name}"
        try:
            if stat.S_ISLNK(os.lstat(path).st_mode):
                return False
        except FileNotFoundError:  # and so nothing below it
            return True
        except OSError:
            return False
    return True


def open_regular(root: Path, relative: str) -> tuple[BinaryIO, int]:
    """An open regular file under `root` and its size in bytes.

    Every step from the root down is opened without following links, so a folder exchanged for a link after
    the check is refused too. Raises PathRefused, FileNotFoundError, IsADirectoryError.
    """
    target = contained(root, relative)
    names = target.relative_to(Path(root).resolve()).parts
    if not names:
        raise IsADirectoryError(relative)
    folder = os.open(Path(root).resolve(), _OPEN_FLAGS | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            inner = os.open(name, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return _open_leaf(folder, names[-1], relative)
    finally:
        os.close(folder)


def _open_leaf(folder: int, name: str, relative: str) -> tuple[BinaryIO, int]:
    # O_NONBLOCK: a named pipe must not hang the server; it is refused below.
    descriptor = os.open(name, _OPEN_FLAGS | os.O_NONBLOCK, dir_fd=folder)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return os.fdopen(descriptor, "rb"), status.st_size
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(relative)
    raise PathRefused(relative, "is neither a file nor a folder")
