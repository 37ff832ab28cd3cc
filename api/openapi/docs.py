"""The description, and a page to browse it. Everything comes from this server, so it works without the internet."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from django.utils.html import format_html
from django.views import View
from drf_spectacular.generators import SchemaGenerator

from api.renderers import dumps

# No script of a page, and nothing of another host. Styles are set by the page's script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SWAGGER = "static/drf_spectacular_sidecar/swagger-ui-dist"
# Name on the page, with its type.
ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
# A validator on another host would be asked unless its address is null.
START = """"use strict";
const place = document.getElementById("docs");
const csrf = () => (document.cookie.match(/(?:^|; )csrftoken=([^;]+)/) || [])[1];
SwaggerUIBundle({
  url: place.dataset.description,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (csrf()) request.headers["X-CSRFToken"] = csrf();
    return request;
  },
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Polyaxon platform API</title>
<link rel="icon" href="{base}docs/favicon-32x32.png">
<link rel="stylesheet" href="{base}docs/swagger-ui.css">
</head>
<body>
<div id="docs" data-description="{base}schema"></div>
<script src="{base}docs/swagger-ui-bundle.js"></script>
<script src="{base}docs/start.js"></script>
</body>
</html>
"""
_generating = threading.Lock()


@cache
def _generated() -> bytes:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return dumps(made)


def description() -> bytes:
    """The OpenAPI description as JSON. It takes seconds to make, so a process makes it once."""
    with _generating:
        return _generated()


class SchemaView(View):
    """The OpenAPI description. It is the same for everybody."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(description(), content_type="application/vnd.oai.openapi+json")


class DocsView(View):
    """The page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = format_html(PAGE, base=f"{get_script_prefix()}api/v1/")
        return HttpResponse(page, headers={"Content-Security-Policy": POLICY})


class AssetView(View):
    """What the page loads."""

    def get(self, request: HttpRequest, name: str) -> HttpResponseBase:
        if name == "start.js":
            return HttpResponse(START, content_type="text/javascript; charset=utf-8")
        if name not in ASSETS:
            raise Http404
        file = files("drf_spectacular_sidecar").joinpath(SWAGGER, name).open("rb")
        return FileResponse(file, content_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})
