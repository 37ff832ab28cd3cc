"""Unpacking uploaded archives: nothing is written outside the destination, nothing beyond the limits.

Members are vetted one by one as they stream in. Links are made last, when every file is in place, so no file
is ever written through one; then each is resolved, and the whole archive is refused if one leads out.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyaxon.stores.errors import ArchiveRefused, PathRefused, human_bytes, shown
from polyaxon.stores.inflate import Inflated, Readable
from polyaxon.stores.paths import MAX_PATH_BYTES, safe_parts
from polyaxon.stores.tarstream import TarStream

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Characters that some file systems ignore in names, so that ".g\u200cit" would be ".git" there.
_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What one archive may cost."""

    compressed_bytes: int = 512 * MIB
    total_bytes: int = 2048 * MIB  # of all members together, also of those dropped
    file_bytes: int = 1024 * MIB
    members: int = 100_000  # entries of the archive plus folders that they imply
    depth: int = 64  # names in a path
    ratio: int = 200  # bytes unpacked per byte packed, looked at above 32 MiB


@dataclass(slots=True)
class ArchiveReport:
    """What was unpacked. `dropped` counts members of `.git` folders, which are left out."""

    files: int = 0
    folders: int = 0
    links: int = 0
    dropped: int = 0
    total_bytes: int = 0
    compressed_bytes: int = 0


def extract_archive(stream: Readable, destination: Path, limits: ArchiveLimits) -> ArchiveReport:
    """Unpack a tar, plain or gzip, into `destination`, which must be absent or empty.

    The content appears there at once, by a rename, when all of it was accepted; else the destination stays as
    it was. Files get mode 644 or, if their owner may execute them, 755; folders 755. Raises ArchiveRefused,
    FileExistsError.
    """
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise FileExistsError(destination.name)
    destination.parent.mkdir(parents=True, exist_ok=True)
    staging = destination.with_name(f".{uuid.uuid4().hex}.part")
    staging.mkdir(mode=0o755)
    try:
        report = _Extraction(staging, limits).run(stream)
        staging.rename(destination)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return report


def is_git_entry(name: str) -> bool:
    """Whether a file system somewhere may take this name for `.git`."""
    plain = name.translate(_IGNORED).lower().split(":", 1)[0].rstrip(". ")
    return plain in {".git", "git~1"}


class _Extraction:
    def __init__(self, root: Path, limits: ArchiveLimits) -> None:
        self._root = root
        self._limits = limits
        self._report = ArchiveReport()
        self._entries = 0
        self._folders: set[str] = set()
        self._files: set[str] = set()
        self._links: dict[str, str] = {}

    def run(self, stream: Readable) -> ArchiveReport:
        source = Inflated(stream, compressed_limit=self._limits.compressed_bytes, ratio=self._limits.ratio)
        tar = TarStream(source)
        for info in tar:
            self._member(tar, info)
        self._make_links()
        self._report.files, self._report.folders = len(self._files), len(self._folders)
        self._report.links, self._report.compressed_bytes = len(self._links), source.compressed_bytes
        return self._report

    def _member(self, tar: TarStream, info: tarfile.TarInfo) -> None:
        self._count_entry()
        parts = self._parts(info)
        self._count_bytes(info.name, info.size)
        if any(is_git_entry(part) for part in parts):
            self._report.dropped += 1
        elif info.isdir():
            self._folder(parts, info.name)
        elif not parts:
            raise ArchiveRefused(f"member {shown(info.name)} stands for the archive's root but is not a folder")
        else:
            self._leaf(tar, info, parts)

    def _leaf(self, tar: TarStream, info: tarfile.TarInfo, parts: tuple[str, ...]) -> None:
        if info.isreg():
            executable = bool(info.mode & 0o100)
            self._file(self._place(parts, info.name), tar.data(info), executable=executable)
        elif info.issym():
            self._links[self._place(parts, info.name)] = _link_target(info)
        elif info.islnk():
            self._hard_link(info, self._place(parts, info.name))
        else:
            raise ArchiveRefused(f"member {shown(info.name)} is a device, a pipe or another special file; remove it")

    def _parts(self, info: tarfile.TarInfo) -> tuple[str, ...]:
        try:
            parts = safe_parts(info.name)
        except PathRefused as error:
            raise ArchiveRefused(f"member {shown(info.name)} {error.reason}") from None
        if len(parts) > self._limits.depth:
            raise ArchiveRefused(
                f"member {shown(info.name)} lies deeper than the limit of {self._limits.depth} folders"
            )
        return parts

    def _count_entry(self) -> None:
        self._entries += 1
        if self._entries > self._limits.members:
            raise ArchiveRefused(f"the archive holds more than the limit of {self._limits.members} files and folders")

    def _count_bytes(self, name: str, size: int) -> None:
        if size > self._limits.file_bytes:
            limit = human_bytes(self._limits.file_bytes)
            raise ArchiveRefused(f"member {shown(name)} has {human_bytes(size)}, over the limit of {limit} for a file")
        self._report.total_bytes += size
        if self._report.total_bytes > self._limits.total_bytes:
            limit = human_bytes(self._limits.total_bytes)
            raise ArchiveRefused(f"with member {shown(name)} the files exceed the limit of {limit} together")

    def _folder(self, parts: tuple[str, ...], name: str) -> None:
        """Make a folder and those above it; each new one counts as an entry."""
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            if path in self._folders:
                continue
            if path in self._files or path in self._links:
                raise ArchiveRefused(f"member {shown(name)} lies under {shown(path)}, which is not a folder")
            self._count_entry()
            (self._root / path).mkdir(mode=0o755)
            self._folders.add(path)

    def _place(self, parts: tuple[str, ...], name: str) -> str:
        """The path of a file or link to be made, free of what an earlier member of the same name left
        there."""
        path = "/".join(parts)
        self._folder(parts[:-1], name)
        if path in self._folders:
            raise ArchiveRefused(f"member {shown(name)} is in the archive both as a folder and as something else")
        self._links.pop(path, None)
        if path in self._files:
            (self._root / path).unlink()
            self._files.remove(path)
        return path

    def _file(self, path: str, pieces: Iterator[bytes], *, executable: bool) -> None:
        descriptor = os.open(self._root / path, _NEW_FILE, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            for piece in pieces:
                target.write(piece)
            os.fchmod(descriptor, 0o755 if executable else 0o644)
        self._files.add(path)

    def _hard_link(self, info: tarfile.TarInfo, path: str) -> None:
        """A hard link becomes a copy, so that two names never share one file."""
        try:
            target = "/".join(safe_parts(info.linkname))
        except PathRefused as error:
            raise ArchiveRefused(f"member {shown(info.name)} is a hard link whose target {error.reason}") from None
        if target in self._links:
            self._links[path] = self._links[target]
            return
        if target not in self._files:
            raise ArchiveRefused(f"member {shown(info.name)} is a hard link to {shown(target)}, which is not before it")
        source = self._root / target
        status = source.stat()
        self._count_bytes(info.name, status.st_size)
        with source.open("rb") as stream:
            pieces = iter(lambda: stream.read(MIB), b"")
            self._file(path, pieces, executable=bool(status.st_mode & 0o100))

    def _make_links(self) -> None:
        for path, target in self._links.items():
            (self._root / path).symlink_to(target)
        root = os.path.realpath(self._root)
        for path, target in self._links.items():
            resolved = os.path.realpath(self._root / path)
            if resolved != root and not resolved.startswith(root + "/"):
                raise ArchiveRefused(f"member {shown(path)} is a link to {shown(target)}, outside the archive")


def _link_target(info: tarfile.TarInfo) -> str:
    target = info.linkname
    if not target or "\0" in target or len(os.fsencode(target)) > MAX_PATH_BYTES:
        raise ArchiveRefused(f"member {shown(info.name)} is a link without a usable target")
    if target.startswith("/"):
        raise ArchiveRefused(f"member {shown(info.name)} is a link to {shown(target)}, outside the archive")
    return target
