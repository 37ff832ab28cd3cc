"""Every address of the server."""

from __future__ import annotations

from django.urls import include, path

from api.platform.health import healthz

# The order matters: projects come last, since an owner's name may be nearly any word.
RESOURCES = ("platform", "users", "activity", "jobs", "experiments", "groups", "metrics", "repos", "projects")

urlpatterns = [
    path("healthz", healthz),
    path("healthz/", healthz),
    *(path("api/v1/", include(f"api.{name}.urls")) for name in RESOURCES),
]

handler400 = "api.errors.bad_request"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
