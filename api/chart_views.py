"""Chart views of experiments and groups."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from api.fields import HexUUIDField, TextField
from api.pagination import LargePagination
from api.views import ItemView
from polyaxon.actions import chart_views
from polyaxon.db.models import ChartView, ExperimentChartView, GroupChartView
from polyaxon.db.models.abstract import NAME_LENGTH

if TYPE_CHECKING:
    from rest_framework.request import Request

_FIELDS = ("id", "uuid", "created_at", "updated_at", "name", "charts", "meta")


class ExperimentChartViewSerializer(serializers.ModelSerializer[ExperimentChartView]):
    uuid = HexUUIDField()

    class Meta:
        model = ExperimentChartView
        fields = (*_FIELDS, "experiment")


class GroupChartViewSerializer(serializers.ModelSerializer[GroupChartView]):
    uuid = HexUUIDField()

    class Meta:
        model = GroupChartView
        fields = (*_FIELDS, "experiment_group")


class NewChartViewSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=NAME_LENGTH)
    charts = serializers.JSONField()
    meta = serializers.JSONField(required=False, allow_null=True)


class ChartViewsView(ItemView):
    """Chart views of one experiment or group."""

    lists = True
    pagination_class = LargePagination

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.item.chart_views.order_by("-updated_at", "-id"), self.get_serializer_class())

    @extend_schema(request=NewChartViewSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        view = chart_views.create_chart_view(self.item, self.caller, self.valid(NewChartViewSerializer))
        return Response(self.get_serializer(view).data, status=status.HTTP_201_CREATED)


class ChartViewView(ItemView):
    """One chart view."""

    @property
    def chart_view(self) -> ChartView:
        view: ChartView | None = self.item.chart_views.filter(pk=self.kwargs["view_id"]).first()
        if view is None:
            raise Http404(f"There is no chart view {self.kwargs['view_id']} here.")
        return view

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.chart_view).data)

    @extend_schema(request=NewChartViewSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change(partial=True)

    @extend_schema(request=NewChartViewSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change(partial=False)

    def _change(self, *, partial: bool) -> Response:
        view = self.chart_view
        chart_views.update_chart_view(view, self.caller, self.valid(NewChartViewSerializer, partial=partial))
        return Response(self.get_serializer(view).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        chart_views.delete_chart_view(self.chart_view, self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)
