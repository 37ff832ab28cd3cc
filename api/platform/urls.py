"""Addresses of the platform itself."""

from __future__ import annotations

from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from api.platform import versions
from api.routes import route

urlpatterns = [
    route(
        "schema",
        SpectacularAPIView,
        renderer_classes=[OpenApiJsonRenderer],
        authentication_classes=[],
        permission_classes=[AllowAny],
    ),
    route("versions/cli", versions.VersionView),
    route("versions/platform", versions.VersionView),
    route("versions/lib", versions.VersionView),
    route("versions/chart", versions.ChartVersionView),
    route("log_handler", versions.LogHandlerView),
]
