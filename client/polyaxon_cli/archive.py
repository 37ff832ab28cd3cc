"""Packing a folder into the gzip tar that the server takes as an upload."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Callable, cast

from polyaxon_cli.errors import CliError
from polyaxon_cli.ignore import IGNORE_FILE, IgnoreRules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PackReport", "pack", "size_text", "upload_limit", "warning_size"]

UNIT = 1024
MIB = UNIT * UNIT
DEFAULT_WARNING = 10 * MIB
DEFAULT_LIMIT = 150 * MIB
COMPRESSION = 6


@dataclass
class PackReport:
    """Number of members, bytes of the archive, and names of special files that were left out."""

    files: int = 0
    size: int = 0
    skipped: list[str] = field(default_factory=list)


def warning_size() -> int:
    """Bytes above which an upload is worth a warning (`POLYAXON_WARN_UPLOAD_SIZE`)."""
    return _size_setting("POLYAXON_WARN_UPLOAD_SIZE", DEFAULT_WARNING)


def upload_limit() -> int:
    """Bytes above which an upload is refused (`POLYAXON_MAX_UPLOAD_SIZE`)."""
    return _size_setting("POLYAXON_MAX_UPLOAD_SIZE", DEFAULT_LIMIT)


def size_text(size: float) -> str:
    """`512 B`, `3.4 KiB`, `12.0 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if size < UNIT:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= UNIT
    return f"{size:.1f} GiB"


def pack(
    folder: Path,
    target: BinaryIO,
    *,
    limit: int,
    progress: Callable[[int], None] | None = None,
) -> PackReport:
    """Write `folder` without its ignored files as tar.gz into `target`; members are named `./path`, sorted.

    `progress` is told how many bytes of archive there are after each member. An archive above `limit` bytes,
    a link that leaves the folder and an unreadable file are `CliError`s.
    """
    report = PackReport()
    writer = _LimitedWriter(target, limit)
    stream = cast("BinaryIO", writer)
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=COMPRESSION, format=tarfile.PAX_FORMAT) as tar:
        for path, relative in _members(folder):
            member = _member(tar, path, relative, folder)
            if member is None:
                report.skipped.append(relative)
                continue
            _add(tar, member, path)
            report.files += 1
            if progress is not None:
                progress(writer.written)
    report.size = writer.written
    return report


def _members(folder: Path) -> Iterator[tuple[Path, str]]:
    for entry in IgnoreRules.of_folder(folder).walk(folder):
        path = Path(entry.path)
        yield path, path.relative_to(folder).as_posix()


def _member(tar: tarfile.TarFile, path: Path, relative: str, folder: Path) -> tarfile.TarInfo | None:
    """A member's header, without the names and ids of local accounts; None for sockets, pipes and devices."""
    # A fresh inode table: without it a second hard link to a file would be stored as a link.
    tar.inodes = {}  # type: ignore[attr-defined]
    try:
        member = tar.gettarinfo(str(path), arcname=f"./{relative}")
    except OSError as error:
        raise _unreadable(path, error) from error
    if member is None or not (member.isreg() or member.issym()):
        return None
    member.name = f"./{relative}"
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    if member.issym():
        member.linkname = _link_inside(path, folder)
    return member


def _link_inside(path: Path, folder: Path) -> str:
    """The link's target relative to the link; refused when it lies outside `folder`."""
    # os.path, not Path: a link is resolved one step and its target need not exist.
    target = os.path.join(os.path.realpath(path.parent), os.readlink(path))  # noqa: PTH118, PTH115
    resolved = os.path.realpath(target)
    root = os.path.realpath(folder)
    if os.path.commonpath([root, resolved]) != root:
        raise CliError(
            f"{path.relative_to(folder).as_posix()} is a link to {resolved}, outside the uploaded folder",
            f"Copy the file into the folder, or add the link to {IGNORE_FILE}",
        )
    return os.path.relpath(os.path.normpath(target), os.path.realpath(path.parent))


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if not member.isreg():
        tar.addfile(member)
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        try:
            tar.addfile(member, file)
        except OSError as error:
            raise CliError(f"{path} changed while it was packed: {error}", "Run the upload again") from error


def _unreadable(path: Path, error: OSError) -> CliError:
    return CliError(f"Cannot read {path}: {error.strerror}", f"Fix its permissions or add it to {IGNORE_FILE}")


def _size_setting(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise CliError(f"{name} is {text!r}, not a number of bytes", "Give a whole number or unset it")
    return int(text)


class _LimitedWriter:
    """Passes bytes on and refuses to go beyond `limit`."""

    def __init__(self, target: BinaryIO, limit: int) -> None:
        self.target = target
        self.limit = limit
        self.written = 0

    def write(self, data: bytes) -> int:
        self.written += len(data)
        if self.written > self.limit:
            raise CliError(
                f"The code is larger than the {size_text(self.limit)} that may be uploaded",
                f"Add data and build results to {IGNORE_FILE}, or raise POLYAXON_MAX_UPLOAD_SIZE",
            )
        return self.target.write(data)

    def flush(self) -> None:
        self.target.flush()

    def tell(self) -> int:
        return self.written
