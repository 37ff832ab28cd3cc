"""Addresses of experiments."""

from __future__ import annotations

from api.artifacts.views import ArtifactContentView, ArtifactsView
from api.chart_views import ChartViewsView, ChartViewView, ExperimentChartViewSerializer
from api.decisions import TrialDecisionsView
from api.experiments import jobs, metrics, views
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
from api.routes import project_route, route
from api.run_tokens import ImpersonateView, TradeView
from api.serializers import ExperimentStatusSerializer
from polyaxon.actions.writers import COPY, RESTART, RESUME
from polyaxon.db.models import Experiment

ONE = "experiments/<int:id>"
REPLICA = f"{ONE}/jobs/<int:job_id>"
KIND = {"model": Experiment}
# Outputs and names need the original of a clone.
RUN = {**KIND, "related": views.ExperimentItemView.related}
CHARTS = {**KIND, "serializer_class": ExperimentChartViewSerializer}
STATUS = {**KIND, "serializer_class": ExperimentStatusSerializer}

urlpatterns = [
    route("experiments", views.AllExperimentsView),
    project_route("experiments", views.ExperimentsView),
    project_route("experiments/stop", views.StopManyView),
    project_route("experiments/delete", views.DeleteManyView),
    project_route(ONE, views.ExperimentView),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/restart", views.CloneView, strategy=RESTART),
    project_route(f"{ONE}/resume", views.CloneView, strategy=RESUME),
    project_route(f"{ONE}/copy", views.CloneView, strategy=COPY),
    project_route(f"{ONE}/stop", StopView, **KIND),
    project_route(f"{ONE}/statuses", StatusesView, **STATUS),
    project_route(f"{ONE}/statuses/<slug:uuid>", StatusView, **STATUS),
    project_route(f"{ONE}/metrics", metrics.MetricsView),
    project_route(f"{ONE}/decisions", TrialDecisionsView, **KIND),
    project_route(f"{ONE}/coderef", CodeReferenceView, **KIND),
    project_route(f"{ONE}/logs", WritableLogsView, **KIND),
    project_route(f"{ONE}/outputs/tree", OutputsTreeView, **RUN),
    project_route(f"{ONE}/outputs/files", OutputsFileView, **RUN),
    project_route(f"{ONE}/outputs/download", OutputsDownloadView, **RUN),
    project_route(f"{ONE}/artifacts", ArtifactsView, **RUN),
    project_route(f"{ONE}/artifacts/content", ArtifactContentView, **RUN),
    project_route(f"{ONE}/_heartbeat", HeartbeatView, **KIND),
    project_route(f"{ONE}/chartviews", ChartViewsView, **CHARTS),
    project_route(f"{ONE}/chartviews/<int:view_id>", ChartViewView, **CHARTS),
    project_route(f"{ONE}/jobs", jobs.ExperimentJobsView),
    project_route(REPLICA, jobs.ExperimentJobView),
    project_route(f"{REPLICA}/statuses", jobs.ExperimentJobStatusesView),
    project_route(f"{REPLICA}/statuses/<slug:uuid>", jobs.ExperimentJobStatusView),
    project_route(f"{REPLICA}/logs", jobs.ExperimentJobLogsView),
    project_route(f"{ONE}/jobs/<slug:job_uuid>/_reconcile", jobs.ExperimentJobReportView),
    project_route(f"{ONE}/impersonatetoken", ImpersonateView, **KIND),
    project_route(f"{ONE}/ephemeraltoken", TradeView),
    project_route(f"{ONE}/token", TradeView),
]
