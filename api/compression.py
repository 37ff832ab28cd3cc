"""Smaller answers for those who ask for them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

MIN_BYTES = 1000  # what fits into one packet gains nothing
_OFFERED = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?)\s*)?(?=,|$)", re.IGNORECASE)

Handler = Callable[[HttpRequest], HttpResponseBase]


def gzip_json(get_response: Handler) -> Handler:
    """Middleware: compresses what a GET is answered in JSON. Streams and downloads go as they are.

    The framework's own middleware compresses those as well, and at a level that takes longer than making the answer.
    """

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "GET" and _is_json(response):
            patch_vary_headers(response, ["Accept-Encoding"])
            if _takes_gzip(request):
                _compress(response)
        return response

    return handle


def _is_json(response: HttpResponseBase) -> bool:
    is_download = response.get("Content-Disposition", "").startswith("attachment")
    if response.streaming or is_download or response.has_header("Content-Encoding"):
        return False
    is_json = response.get("Content-Type", "").startswith(("application/json", "application/vnd.oai.openapi+json"))
    return is_json and len(response.content) >= MIN_BYTES  # type: ignore[attr-defined]


def _takes_gzip(request: HttpRequest) -> bool:
    found = _OFFERED.search(request.headers.get("Accept-Encoding", ""))
    return found is not None and float(found[1] or 1) > 0 and settings.CONFIG.server.gzip_level > 0


def _compress(response: HttpResponseBase) -> None:
    plain: bytes = response.content  # type: ignore[attr-defined]
    packed = gzip.compress(plain, compresslevel=settings.CONFIG.server.gzip_level, mtime=0)
    if len(packed) < len(plain):
        response.content = packed  # type: ignore[attr-defined]
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(packed))
