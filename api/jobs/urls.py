"""Addresses of jobs."""

from __future__ import annotations

from api.artifacts.views import ArtifactContentView, ArtifactsView
from api.items import (
    ArchiveView,
    CodeReferenceView,
    HeartbeatView,
    OutputsDownloadView,
    OutputsFileView,
    OutputsTreeView,
    RestoreView,
    StatusesView,
    StatusView,
    StopView,
    WritableLogsView,
)
from api.jobs import views
from api.reports import ReportView
from api.routes import project_route
from api.run_tokens import ImpersonateView
from api.serializers import JobStatusSerializer
from polyaxon.actions.writers import COPY, RESTART, RESUME
from polyaxon.db.models import Job

ONE = "jobs/<int:id>"
KIND = {"model": Job}
STATUS = {**KIND, "serializer_class": JobStatusSerializer}

urlpatterns = [
    project_route("jobs", views.JobsView),
    project_route(ONE, views.JobView),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/restart", views.CloneJobView, strategy=RESTART),
    project_route(f"{ONE}/resume", views.CloneJobView, strategy=RESUME),
    project_route(f"{ONE}/copy", views.CloneJobView, strategy=COPY),
    project_route(f"{ONE}/stop", StopView, **KIND),
    project_route(f"{ONE}/statuses", StatusesView, **STATUS),
    project_route(f"{ONE}/statuses/<slug:uuid>", StatusView, **STATUS),
    project_route(f"{ONE}/coderef", CodeReferenceView, **KIND),
    project_route(f"{ONE}/logs", WritableLogsView, **KIND),
    project_route(f"{ONE}/outputs/tree", OutputsTreeView, **KIND),
    project_route(f"{ONE}/outputs/files", OutputsFileView, **KIND),
    project_route(f"{ONE}/outputs/download", OutputsDownloadView, **KIND),
    project_route(f"{ONE}/artifacts", ArtifactsView, **KIND),
    project_route(f"{ONE}/artifacts/content", ArtifactContentView, **KIND),
    project_route(f"{ONE}/_heartbeat", HeartbeatView, **KIND),
    project_route(f"{ONE}/_reconcile", ReportView, **KIND),
    project_route(f"{ONE}/impersonatetoken", ImpersonateView, **KIND),
]
