"""What the API tells Prometheus of its requests and streams, beside what every process tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import Gauge, Histogram

from api.streams.permits import places

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
NOWHERE = "none"  # no view has that address

REQUEST_SECONDS = Histogram(
    "polyaxon_http_request_seconds",
    "Time until the answer, or the first piece of it, was made, without the wait for a thread.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
STREAMS = Gauge("polyaxon_streams", "Logs and events that are being followed.")
STREAMS.set_function(lambda: places.count)


def measured(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: each request counts under the pattern of its address, not the address, of which there is no end."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        route = match.route if match is not None else NOWHERE
        method = request.method if request.method in _METHODS else "other"
        REQUEST_SECONDS.labels(method, route, response.status_code).observe(time.perf_counter() - began)
        return response

    return answer


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
