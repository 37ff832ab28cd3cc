"""Addresses of the platform itself."""

from __future__ import annotations

from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from api.platform import health, versions
from api.routes import route

urlpatterns = [
    route(
        "schema",
        SpectacularAPIView,
        renderer_classes=[OpenApiJsonRenderer],
        authentication_classes=[],
        permission_classes=[AllowAny],
    ),
    route("health", health.HealthView),
    route("status", health.StatusView),
    *(route(f"versions/{kind}", versions.VersionView, kind=kind) for kind in ("cli", "platform", "lib")),
    route("versions/chart", versions.ChartVersionView),
    route("log_handler", versions.LogHandlerView),
]
