"""Answers that stream files: logs by byte ranges, and attachments."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

    from polyaxon.stores import LogStore

PIECE_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?\Z")
# What a run wrote is not to be trusted: shown in a browser it may do nothing.
_SAFETY = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def attachment(pieces: Iterable[bytes], name: str, *, size: int | None = None) -> StreamingHttpResponse:
    """A download called `name`."""
    kind, encoding = mimetypes.guess_type(name)
    content_type = "application/gzip" if encoding == "gzip" else kind or "application/octet-stream"
    answer = StreamingHttpResponse(pieces, content_type=content_type, headers=_SAFETY)
    answer.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    if size is not None:
        answer.headers["Content-Length"] = str(size)
    return answer


def file_attachment(file: BinaryIO, size: int, path: str) -> StreamingHttpResponse:
    """An opened file as a download under the last part of its path."""
    return attachment(_pieces(file, size), PurePosixPath(path).name, size=size)


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Not more than was announced, even if the run goes on writing."""
    with file:
        while size > 0 and (piece := file.read(min(PIECE_BYTES, size))):
            size -= len(piece)
            yield piece


def log_answer(request: Request, logs: LogStore, path: str, name: str) -> HttpResponseBase:
    """A run's log: whole, its end by `?tail=LINES`, or from a byte on by `Range: bytes=N-`."""
    tail = request.query_params.get("tail")
    if tail is not None:
        return _log([logs.tail(path, _lines(tail))], name)
    size = logs.size(path)
    wanted = _RANGE.match(request.headers.get("Range", ""))
    if wanted is None:
        return _log(logs.read(path, 0, size), name, size=size)
    start = int(wanted[1])
    end = min(size, int(wanted[2]) + 1) if wanted[2] else size
    if start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}", **_SAFETY})
    answer = _log(logs.read(path, start, end), name, size=end - start)
    answer.status_code = 206
    answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return answer


def _lines(tail: str) -> int:
    if not tail.isdecimal() or len(tail) > 9:  # noqa: PLR2004 - digits
        raise ValidationError([f"tail must be a number of lines, not {tail!r}."])
    return int(tail)


def _log(pieces: Iterable[bytes], name: str, *, size: int | None = None) -> StreamingHttpResponse:
    answer = attachment(pieces, name, size=size)
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    answer.headers["Accept-Ranges"] = "bytes"
    return answer
