"""A folder as a streamed tar.gz."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from polyaxon.stores.walk import Entry, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE_BYTES = 64 * 1024

_GZIP_WINDOW = 31  # zlib: the largest window, with gzip's header and trailer
_LEVEL = 1  # models and images hardly shrink; time matters more


def pack(folder: Path) -> Iterator[bytes]:
    """The pieces of a tar.gz of the folder's content, with names relative to it.

    Holds one piece in memory. Links that lead out of the folder are left out. Raises FileNotFoundError at
    once if there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(folder.name)
    return _compressed(folder)


def _compressed(folder: Path) -> Iterator[bytes]:
    gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for block in _tar(folder):
        piece = gzip.compress(block)
        if piece:
            yield piece
    yield gzip.flush()


def _tar(folder: Path) -> Iterator[bytes]:
    for entry in walk(folder):
        yield from _member(entry)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(entry: Entry) -> Iterator[bytes]:
    info = _header(entry)
    if info.type != tarfile.REGTYPE:
        yield _encoded(info)
        return
    try:
        stream = entry.open()
    except OSError:
        return
    with stream:
        yield _encoded(info)
        yield from _exactly(stream, info.size)


def _header(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.name)
    info.mtime = int(entry.status.st_mtime)
    info.mode = entry.mode
    if entry.target is not None:
        info.type, info.linkname = tarfile.SYMTYPE, entry.target
    elif entry.is_folder:
        info.type = tarfile.DIRTYPE
    else:
        info.size = entry.status.st_size
    return info


def _encoded(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _exactly(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """The first `size` bytes, as the header promised: a file that grew is cut, one that shrank is filled with
    NUL."""
    left = size
    while left and (piece := stream.read(min(left, PIECE_BYTES))):
        left -= len(piece)
        yield piece
    while left:
        yield bytes(min(left, PIECE_BYTES))
        left -= min(left, PIECE_BYTES)
    yield bytes(-size % tarfile.BLOCKSIZE)
