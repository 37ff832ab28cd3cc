"""What clients ask before anything else: which versions fit, and where to report errors."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.throttling import AnonymousRate
from api.views import BaseView
from polyaxon import __version__

if TYPE_CHECKING:
    from rest_framework.request import Request

# The oldest clients that speak this interface.
MIN_VERSION = "0.6.0"


class VersionSerializer(serializers.Serializer[Any]):
    latest_version = serializers.CharField()
    min_version = serializers.CharField()


class ChartVersionSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()


class LogHandlerSerializer(serializers.Serializer[Any]):
    dsn = serializers.CharField(allow_null=True)
    environment = serializers.CharField()
    tags = serializers.DictField(child=serializers.CharField())


class _PublicView(BaseView):
    """For clients that have not logged in yet."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate,)


class VersionView(_PublicView):
    """Versions of the command line tool, the platform or the client library: they are released together."""

    serializer_class = VersionSerializer

    def get(self, request: Request) -> Response:
        return Response({"latest_version": __version__, "min_version": MIN_VERSION})


class ChartVersionView(_PublicView):
    """Version of the Helm chart."""

    serializer_class = ChartVersionSerializer

    def get(self, request: Request) -> Response:
        return Response({"version": __version__})


class LogHandlerView(_PublicView):
    """Clients report errors to nobody: there is no address."""

    serializer_class = LogHandlerSerializer

    @extend_schema(responses=LogHandlerSerializer)
    def get(self, request: Request) -> Response:
        latest = dict.fromkeys(("cli_latest_version", "platform_latest_version", "chart_version"), __version__)
        oldest = dict.fromkeys(("cli_min_version", "platform_min_version"), MIN_VERSION)
        return Response({"dsn": None, "environment": "production", "tags": {**latest, **oldest}})
