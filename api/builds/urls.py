"""Addresses of builds."""

from __future__ import annotations

from api.builds import views
from api.items import (
    ArchiveView,
    CodeReferenceView,
    HeartbeatView,
    RestoreView,
    StatusesView,
    StatusView,
    StopView,
    WritableLogsView,
)
from api.reports import ReportView
from api.routes import project_route
from api.serializers import BuildJobStatusSerializer
from polyaxon.db.models import BuildJob

ONE = "builds/<int:id>"
KIND = {"model": BuildJob}
STATUS = {**KIND, "serializer_class": BuildJobStatusSerializer}

urlpatterns = [
    project_route("builds", views.BuildsView),
    project_route("builds/invalidate", views.InvalidateAllView),
    project_route(ONE, views.BuildView),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/stop", StopView, **KIND),
    project_route(f"{ONE}/invalidate", views.InvalidateView),
    project_route(f"{ONE}/statuses", StatusesView, **STATUS),
    project_route(f"{ONE}/statuses/<slug:uuid>", StatusView, **STATUS),
    project_route(f"{ONE}/coderef", CodeReferenceView, **KIND),
    project_route(f"{ONE}/logs", WritableLogsView, **KIND),
    project_route(f"{ONE}/_heartbeat", HeartbeatView, **KIND),
    project_route(f"{ONE}/_reconcile", ReportView, **KIND),
]
