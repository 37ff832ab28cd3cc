"""What clients ask before anything else: which versions fit, and where to report errors."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.throttling import AnonymousRate
from api.views import BaseView
from polyaxon import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request
    from rest_framework.throttling import BaseThrottle


TAGS = (
    "cli_min_version",
    "cli_latest_version",
    "platform_min_version",
    "platform_latest_version",
    "chart_version",
)


class VersionSerializer(serializers.Serializer[Any]):
    latest_version = serializers.CharField()
    min_version = serializers.CharField()


class ChartVersionSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()


class LogHandlerSerializer(serializers.Serializer[Any]):
    dsn = serializers.CharField(allow_null=True)
    environment = serializers.CharField()
    tags = serializers.DictField(child=serializers.CharField())


class PublicView(BaseView):
    """For clients that have not logged in yet."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes: Sequence[type[BaseThrottle]] = (AnonymousRate,)


# The last release of the tool and library that do not say who they are.
LAST_NAMELESS = "0.6.1"
OWN_CLIENTS = "polyaxon-client/"


def version(name: str) -> str:
    """The configured version `name`; where none is, this release."""
    return str(getattr(settings.CONFIG.versions, name) or __version__)


class VersionView(PublicView):
    """Versions of the command line tool, the platform or the client library."""

    throttle_classes = ()  # the tool of 0.6 asks before each command; the answer is in memory
    serializer_class = VersionSerializer
    kind = "cli"

    def get(self, request: Request) -> Response:
        latest = version(f"{self.kind}_latest_version")
        if self._is_nameless(request) and not getattr(settings.CONFIG.versions, f"{self.kind}_latest_version"):
            # They advise to upgrade by their package's name, which belongs to another product by now.
            latest = LAST_NAMELESS
        return Response({"latest_version": latest, "min_version": version(f"{self.kind}_min_version")})

    def _is_nameless(self, request: Request) -> bool:
        return self.kind != "platform" and not request.headers.get("User-Agent", "").startswith(OWN_CLIENTS)


class ChartVersionView(PublicView):
    """Version of the Helm chart."""

    serializer_class = ChartVersionSerializer

    def get(self, request: Request) -> Response:
        return Response({"version": version("chart_version")})


class LogHandlerView(PublicView):
    """Where clients report errors: nowhere, unless an address is configured. It travels in base64."""

    serializer_class = LogHandlerSerializer

    @extend_schema(responses=LogHandlerSerializer)
    def get(self, request: Request) -> Response:
        dsn = settings.CONFIG.versions.cli_dsn
        return Response(
            {
                "dsn": base64.b64encode(dsn.encode()).decode() if dsn else None,
                "environment": settings.CONFIG.core.environment,
                "tags": {name: version(name) for name in TAGS},
            }
        )
