"""How the helper of a run says that the run ended."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION
from api.fields import TimeField
from api.views import ItemView
from polyaxon.actions.reports import report_status

if TYPE_CHECKING:
    from rest_framework.request import Request

    from polyaxon.db.models.abstract import Stateful


class ReportSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(max_length=32)
    created_at = TimeField(required=False, allow_null=True)


class ReportView(ItemView):
    """A status that counts after a while unless the run is done by then."""

    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = ()
    serializer_class = ReportSerializer

    @property
    def subject(self) -> Stateful:
        """Whose status this is."""
        item: Stateful = self.item
        return item

    @extend_schema(responses={200: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(ReportSerializer)
        report_status(self.subject, values["status"], at=values.get("created_at"))
        return Response(None)
