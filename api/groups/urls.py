"""Addresses of experiment groups."""

from __future__ import annotations

from api.groups import views
from api.items import ArchiveView, RestoreView, StatusesView
from api.routes import project_route
from api.serializers import GroupStatusSerializer
from polyaxon.db.models import ExperimentGroup

ONE = "groups/<int:id>"
KIND = {"model": ExperimentGroup}

urlpatterns = [
    project_route("groups", views.GroupsView),
    project_route(ONE, views.GroupView),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/stop", views.StopGroupView),
    project_route(f"{ONE}/statuses", StatusesView, **KIND, serializer_class=GroupStatusSerializer),
    project_route(f"{ONE}/metrics", views.GroupMetricsView),
    project_route("selections/<int:id>", views.SelectionView),
]
