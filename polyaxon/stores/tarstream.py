"""Reading a tar as a stream, one member at a time, in bounded memory.

The standard library parses each header block. Its own loop over the members is not used: it takes a damaged
header in the middle for the end of the archive, holds extended headers of any size in memory, and expands
sparse members.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Protocol

from polyaxon.stores.errors import ArchiveRefused, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 64 * 1024
# Names and links of one member, with room for extended attributes that nobody here reads.
MAX_HEADER_BYTES = 256 * 1024
# The largest record that tar writes; what follows the end mark is padding up to one of these.
MAX_TRAILER_BYTES = 2 * 1024 * 1024

_ENDED = "the archive is cut off: it ends in the middle of {where}"
_PAX_TYPES = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_GNU_KEYS = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}


class ExactReader(Protocol):
    """Gives as many bytes as asked for; fewer only at the end."""

    def read(self, size: int, /) -> bytes: ...


class TarStream:
    """Iterate for the members; call `data` for the bytes of the current one before going on.

    Raises ArchiveRefused for anything that is not a whole, plain tar: cut off, damaged, sparse members,
    oversized headers, members that span volumes.
    """

    def __init__(self, stream: ExactReader) -> None:
        self._stream = stream
        self._left = 0  # bytes of the current member not yet read
        self._padding = 0
        self._begun = False

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        while (info := self._member()) is not None:
            self._left, self._padding = info.size, -info.size % tarfile.BLOCKSIZE
            yield info
            self._skip(info.name)
        self._drain()

    def data(self, info: tarfile.TarInfo) -> Iterator[bytes]:
        """The current member's bytes, exactly `info.size` of them, in pieces of at most 64 KiB."""
        while self._left:
            piece = self._exactly(min(self._left, PIECE_BYTES), f"member {shown(info.name)}")
            self._left -= len(piece)
            yield piece

    def _exactly(self, size: int, where: str) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ArchiveRefused(_ENDED.format(where=where))
        return data

    def _skip(self, name: str) -> None:
        while left := self._left + self._padding:
            size = min(left, PIECE_BYTES)
            self._exactly(size, f"member {shown(name)}")
            taken = min(size, self._left)
            self._left -= taken
            self._padding -= size - taken

    def _drain(self) -> None:
        """Read to the end, so that gzip's check sum is checked."""
        count = 0
        while piece := self._stream.read(PIECE_BYTES):
            count += len(piece)
            if count > MAX_TRAILER_BYTES:
                raise ArchiveRefused("the archive goes on after its end mark; send one tar, not several in a row")

    def _member(self) -> tarfile.TarInfo | None:
        """The next member, with what its extended headers say applied to it."""
        extended: dict[str, str] = {}
        budget = MAX_HEADER_BYTES
        while (info := self._header()) is not None:
            if not _is_extension(info):
                return _apply(info, extended)
            budget -= tarfile.BLOCKSIZE + info.size + -info.size % tarfile.BLOCKSIZE
            if budget < 0 or info.size < 0:
                raise ArchiveRefused(f"the archive has a header larger than {MAX_HEADER_BYTES // 1024} KiB")
            extended |= self._extension(info)
        if extended:
            raise ArchiveRefused(_ENDED.format(where="a header"))
        return None

    def _header(self) -> tarfile.TarInfo | None:
        block = self._stream.read(tarfile.BLOCKSIZE)
        if self._begun and not block.strip(b"\0") and len(block) == tarfile.BLOCKSIZE:
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise self._bad_header(block) from None
        self._begun = True
        return info

    def _bad_header(self, block: bytes) -> ArchiveRefused:
        if not self._begun:
            empty = len(block) == tarfile.BLOCKSIZE and not block.strip(b"\0")
            return ArchiveRefused("the archive has no members" if empty else "the upload is not a tar archive")
        if len(block) < tarfile.BLOCKSIZE:
            return ArchiveRefused(_ENDED.format(where="the list of members"))
        return ArchiveRefused("the archive is damaged: a member's header cannot be read")

    def _extension(self, info: tarfile.TarInfo) -> dict[str, str]:
        payload = self._exactly(info.size, "a header")
        self._exactly(-info.size % tarfile.BLOCKSIZE, "a header")
        if info.type in _GNU_KEYS:
            return {_GNU_KEYS[info.type]: _text(payload.split(b"\0", 1)[0])}
        return _pax_records(payload) if info.type in _PAX_TYPES else {}


def _is_extension(info: tarfile.TarInfo) -> bool:
    return info.type in (*_PAX_TYPES, *_GNU_KEYS, tarfile.XGLTYPE)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _pax_records(payload: bytes) -> dict[str, str]:
    """Records of the form `<length> <key>=<value>\\n`, where the length counts the whole record."""
    records: dict[str, str] = {}
    rest = payload.rstrip(b"\0")
    while rest:
        digits, space, _ = rest.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - far above the limit
        record, rest = rest[len(digits) + 1 : length], rest[length:]
        key, equals, value = record.partition(b"=")
        whole = length == len(digits) + 1 + len(record)
        if not (whole and space and equals and value.endswith(b"\n")):
            raise ArchiveRefused("the archive is damaged: an extended header cannot be read")
        records[_text(key)] = _text(value[:-1])
    return records


def _apply(info: tarfile.TarInfo, extended: dict[str, str]) -> tarfile.TarInfo:
    info.name = extended.get("GNU.sparse.name", extended.get("path", info.name))
    info.linkname = extended.get("linkpath", info.linkname)
    if info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in extended):
        raise ArchiveRefused(f"member {shown(info.name)} is a sparse file; pack it as a plain one")
    # Only files have data: some programs give links the size of what they point to.
    info.size = _size(info, extended) if info.isreg() else 0
    return info


def _size(info: tarfile.TarInfo, extended: dict[str, str]) -> int:
    text = extended.get("size", str(info.size))
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004 - 64 bits
        raise ArchiveRefused(f"member {shown(info.name)} has an impossible size")
    return int(text)
