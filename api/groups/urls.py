"""Addresses of experiment groups."""

from __future__ import annotations

from api.chart_views import ChartViewsView, ChartViewView, GroupChartViewSerializer
from api.decisions import DecisionsView
from api.groups import results, views
from api.items import ArchiveView, RestoreView, StatusesView
from api.routes import project_route
from api.serializers import GroupStatusSerializer
from polyaxon.actions.group_clones import copy_group, restart_group
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
    project_route(f"{ONE}/resume", views.ResumeGroupView),
    project_route(f"{ONE}/restart", views.CloneGroupView, clone=restart_group),
    project_route(f"{ONE}/copy", views.CloneGroupView, clone=copy_group),
    project_route(f"{ONE}/decisions", DecisionsView, **KIND),
    project_route(f"{ONE}/best", results.BestView),
    project_route(f"{ONE}/pareto", results.ParetoView),
    project_route(f"{ONE}/importances", results.ImportancesView),
    project_route(f"{ONE}/statuses", StatusesView, **KIND, serializer_class=GroupStatusSerializer),
    project_route(f"{ONE}/metrics", views.GroupMetricsView),
    project_route(f"{ONE}/chartviews", ChartViewsView, **CHARTS),
    project_route(f"{ONE}/chartviews/<int:view_id>", ChartViewView, **CHARTS),
    project_route("selections/<int:id>", views.SelectionView),
]
