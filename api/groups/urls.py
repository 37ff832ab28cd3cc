"""Addresses of experiment groups."""

from __future__ import annotations

from api.chart_views import ChartViewsView, ChartViewView, GroupChartViewSerializer
from api.groups import views
from api.items import ArchiveView, RestoreView, StatusesView
from api.routes import project_route
from api.serializers import GroupStatusSerializer
from polyaxon.db.models import ExperimentGroup

ONE = "groups/<int:id>"
KIND = {"model": ExperimentGroup}
CHARTS = {**KIND, "serializer_class": GroupChartViewSerializer}

urlpatterns = [
    project_route("groups", views.GroupsView),
    project_route(ONE, views.GroupView),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/stop", views.StopGroupView),
    project_route(f"{ONE}/statuses", StatusesView, **KIND, serializer_class=GroupStatusSerializer),
    project_route(f"{ONE}/metrics", views.GroupMetricsView),
    project_route(f"{ONE}/chartviews", ChartViewsView, **CHARTS),
    project_route(f"{ONE}/chartviews/<int:view_id>", ChartViewView, **CHARTS),
    project_route("selections/<int:id>", views.SelectionView),
]
