"""Every address of the server."""

from __future__ import annotations

from django.urls import include, path

from api.platform.health import StatusView, healthz
from api.routes import route

# The order matters: projects come last, since an owner's name may be nearly any word.
RESOURCES = (
    "platform",
    "cluster",
    "catalogs",
    "options",
    "users",
    "orgs",
    "bookmarks",
    "archives",
    "searches",
    "activity",
    "jobs",
    "builds",
    "notebooks",
    "tensorboards",
    "experiments",
    "groups",
    "metrics",
    "streams",
    "webhooks",
    "repos",
    "projects",
)

urlpatterns = [
    *(path(form, healthz) for form in ("healthz", "healthz/", "_health", "_health/")),
    route("statusz", StatusView, schema=None),
    path("", include("api.pages.urls")),
    path("", include("api.proxy.urls")),
    *(path("api/v1/", include(f"api.{name}.urls")) for name in RESOURCES),
]

handler400 = "api.errors.bad_request"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
