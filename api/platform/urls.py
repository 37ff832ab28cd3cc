"""Addresses of the platform itself."""

from __future__ import annotations

from api.openapi import docs
from api.platform import health, polyaxonfile, versions
from api.routes import route

urlpatterns = [
    route("schema", docs.SchemaView),
    route("schema/polyaxonfile", polyaxonfile.PolyaxonfileSchemaView),
    route("docs", docs.DocsView),
    route("docs/<str:name>", docs.AssetView),
    route("health", health.HealthView),
    route("status", health.StatusView),
    *(route(f"versions/{kind}", versions.VersionView, kind=kind) for kind in ("cli", "platform", "lib")),
    route("versions/chart", versions.ChartVersionView),
    route("log_handler", versions.LogHandlerView),
]
