"""Bodies that clients compressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from django.conf import settings
from django.http.request import RawPostDataException
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from api.errors import TooLarge
from polyaxon.stores.errors import human_bytes

if TYPE_CHECKING:
    from rest_framework.request import Request

_GZIP = 31  # a window of 32 KiB and the header of gzip
_PLAIN = frozenset({"", "identity"})


def plain_body(request: Request) -> bytes:
    """The body, decompressed if it came as gzip, and never more than any body may have. Raises 400, 413, 415."""
    try:
        body = request._request.body  # noqa: SLF001 - past the parsers on purpose
    except RawPostDataException:
        raise UnsupportedMediaType(request.content_type) from None
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding in _PLAIN:
        return body
    if coding != "gzip":
        raise UnsupportedMediaType(coding, "Bodies are taken plain or compressed with gzip.")
    return _inflated(body)


def _inflated(body: bytes) -> bytes:
    most = int(settings.CONFIG.limits.body_max_bytes)
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise ParseError(f"The body is not what Content-Encoding says: {error}") from None
    if len(plain) > most:
        raise TooLarge(f"The body has more than {human_bytes(most)} when decompressed; so much is not accepted here.")
    if not unpacker.eof or unpacker.unused_data:
        raise ParseError("The body is not one whole gzip stream.")
    return plain
