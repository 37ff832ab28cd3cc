"""Whether this server can work."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.throttling import ChecksRate
from api.views import BaseView
from polyaxon.health import COMPONENTS, Severity, report

if TYPE_CHECKING:
    from rest_framework.request import Request


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has every table, otherwise 503 and why."""
    del request
    problem = _problem()
    if problem:
        return JsonResponse({"status": "unavailable", "detail": problem}, status=503)
    return JsonResponse({"status": "ok"})


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    detail = serializers.CharField(required=False)


class ComponentSerializer(serializers.Serializer[Any]):
    is_healthy = serializers.BooleanField()
    message = serializers.CharField()
    severity = serializers.ChoiceField([severity.value for severity in Severity])


ComponentsSerializer = inline_serializer("Components", {name: ComponentSerializer() for name in COMPONENTS})


class _CheckView(BaseView):
    """Open to all, a few times a minute."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ChecksRate,)


class HealthView(_CheckView):
    """Whether the server can work, as `/healthz`, which no rate limits: what restarts servers asks there."""

    serializer_class = HealthSerializer

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        problem = _problem()
        if problem:
            return Response({"status": "unavailable", "detail": problem}, status=503)
        return Response({"status": "ok"})


class StatusView(_CheckView):
    """How each component does. Asks the workers through the queue, so it may take seconds when they are gone."""

    serializer_class = ComponentSerializer

    @extend_schema(responses={200: ComponentsSerializer})
    def get(self, request: Request) -> Response:
        return Response({name: asdict(found) for name, found in report().items()})


class _Migrations:
    """Asks once they are known to be applied: the answer cannot turn back while the process lives."""

    applied = False


def _problem() -> str | None:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _Migrations.applied:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            _Migrations.applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer."
    return None if _Migrations.applied else "The database lacks migrations. Run `manage.py migrate`."
