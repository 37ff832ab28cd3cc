"""The bytes of an uploaded archive, decompressed under limits."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Protocol

from polyaxon.stores.errors import ArchiveRefused, human_bytes

# Below this much decompressed data the ratio is not looked at: small archives of empty files shrink a
# thousandfold.
RATIO_FREE_BYTES = 32 * 1024 * 1024

_BUFFER_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip file",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z file",
}


class Readable(Protocol):
    """What an upload looks like: an open file, or a web framework's uploaded file."""

    def read(self, size: int, /) -> bytes: ...


class _Counted(io.RawIOBase):
    """Counts what is read of the upload and refuses more than the limit."""

    def __init__(self, stream: Readable, limit: int) -> None:
        self.count = 0
        self._stream = stream
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self.count += len(data)
        if self.count > self._limit:
            raise ArchiveRefused(f"the archive is larger than the limit of {human_bytes(self._limit)}")
        buffer[: len(data)] = data
        return len(data)


class Inflated:
    """Reads an archive, gzip or plain, as the tar that it holds.

    Raises ArchiveRefused when more than `compressed_limit` bytes come in, when they expand more than `ratio`
    times, and when the compression is damaged, cut off, or not one that is taken.
    """

    def __init__(self, stream: Readable, *, compressed_limit: int, ratio: int) -> None:
        self._source = _Counted(stream, compressed_limit)
        self._ratio = ratio
        self._count = 0
        self._data = self._open()

    @property
    def compressed_bytes(self) -> int:
        return self._source.count

    def _open(self) -> Readable:
        buffered = io.BufferedReader(self._source, _BUFFER_BYTES)
        magic = buffered.peek(8)
        if not magic:
            raise ArchiveRefused("the archive is empty (0 bytes)")
        for start, format_name in _OTHER_FORMATS.items():
            if magic.startswith(start):
                raise ArchiveRefused(f"the archive is {format_name}; send a tar compressed with gzip (.tar.gz)")
        return gzip.GzipFile(fileobj=buffered, mode="rb") if magic.startswith(_GZIP_MAGIC) else buffered

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        try:
            data = self._data.read(size)
        except EOFError:
            raise ArchiveRefused("the archive is cut off: its compressed data ends too early") from None
        except (gzip.BadGzipFile, zlib.error):
            raise ArchiveRefused("the archive is damaged: its compressed data cannot be read") from None
        self._count += len(data)
        self._check_ratio()
        return data

    def _check_ratio(self) -> None:
        if self._count > max(RATIO_FREE_BYTES, self._ratio * self._source.count):
            raise ArchiveRefused(f"the archive expands more than the limit of {self._ratio} times its size")
